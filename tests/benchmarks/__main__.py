"""`python -m tests.benchmarks`: ours and the peer; `… growth`: ours as its state grows; `… rules`: the record rules alone;
`… findings`: a wrong change's finding back at the agent; `… quality`: the scheduled work on a million study records;
`… replay`: dead letters; `… identity`: the matcher and Splink; `… board`: the quality board's pages; `… neighbour`: what the others
feel of an institution that sends too much; `… quiet-alerts`: no alert fires while nothing happens."""

import sys

from tests.benchmarks import board, findings, growth, neighbour, quality, quiet_alerts, replay, rules, run
from tests.benchmarks.identity import run as identity

ALONE = {
    "board": board.main,
    "findings": findings.main,
    "growth": growth.main,
    "neighbour": neighbour.main,
    "quality": quality.main,
    "quiet-alerts": quiet_alerts.main,
    "replay": replay.main,
    "rules": rules.main,
    "identity": identity.main,
}
if (chosen := ALONE.get("".join(sys.argv[1:2]))) is not None:
    sys.exit(chosen(sys.argv[2:]))
sys.exit(run.main())
