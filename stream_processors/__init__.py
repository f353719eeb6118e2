"""The national stream processors."""
