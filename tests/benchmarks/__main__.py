"""`python -m tests.benchmarks`: ours and the peer; `… growth`: ours as its state grows; `… rules`: the record rules alone;
`… findings`: a wrong change's finding back at the agent; `… quality`: the scheduled work on a million study records;
`… replay`: dead letters; `… identity`: the matcher and Splink; `… board`: the quality board's pages."""

import sys

from tests.benchmarks import board, findings, growth, quality, replay, rules, run
from tests.benchmarks.identity import run as identity

ALONE = {
    "board": board.main,
    "findings": findings.main,
    "growth": growth.main,
    "quality": quality.main,
    "replay": replay.main,
    "rules": rules.main,
    "identity": identity.main,
}
if (chosen := ALONE.get("".join(sys.argv[1:2]))) is not None:
    sys.exit(chosen(sys.argv[2:]))
sys.exit(run.main())
