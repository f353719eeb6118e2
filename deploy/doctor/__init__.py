"""`hemis doctor`: every precondition of the national side looked at once, each with what mends it."""
