"""How good the data is: findings as people work with them, the four measures, set rules, table 1D."""
