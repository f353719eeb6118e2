"""The whole bus on one machine: Kafka, schema registry and two PostgreSQL clusters, without Docker and without root."""
