"""The national side's last stage: topics into the national database, and what reads from there."""
