"""The contract: what any two processes must agree on."""
