"""`python -m tests.benchmarks`: ours and the peer; `python -m tests.benchmarks growth`: ours as its state grows."""

import sys

from tests.benchmarks import growth, run

if sys.argv[1:2] == ["growth"]:
    sys.exit(growth.main(sys.argv[2:]))
sys.exit(run.main())
