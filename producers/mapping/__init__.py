"""The mapping: a YAML file that says which rows become which records, compiled once to code."""
