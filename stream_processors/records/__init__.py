"""RECORDS: one institution's changes become clean records, claims, findings and a durable ledger."""
