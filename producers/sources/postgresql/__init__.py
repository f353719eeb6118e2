"""PostgreSQL: logical replication (pgoutput) for changes, COPY for tables."""
