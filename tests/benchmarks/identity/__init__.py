"""The identity matcher against Splink: synthetic Vietnamese claims, Febrl 3 and 4, and speed as the register grows."""
