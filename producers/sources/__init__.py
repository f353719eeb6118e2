"""Sources: where rows and their changes come from. One small interface, one folder per kind, one conformance suite."""
