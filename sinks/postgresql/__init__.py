"""The fast path into PostgreSQL."""
