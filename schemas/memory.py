"""How often a long-running process looks for cyclic garbage."""

import gc

THRESHOLDS = (100_000, 50, 100)
"""Python's own are made for programs with small heaps: at tens of thousands of records a second it would walk the whole state every
few milliseconds: a fifth of a stage's time (measured). What our stages make has no cycles; what the libraries make is little."""


def collect_rarely() -> None:
    """Call once, when everything that stays has been loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
