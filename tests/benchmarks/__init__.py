"""Benchmarks: ours and the peer side by side, in one run, on one stack."""
