"""The three universities: each a schema of its own, known to its agent only through its mapping file."""
