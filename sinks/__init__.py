"""The sinks: from clean topics to the national database."""
