"""The agent: what runs at a university."""
