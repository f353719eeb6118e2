"""The peer: Kafka Connect with Debezium's PostgreSQL source and JDBC sink, set up by the project itself."""
