"""The measuring must itself be right: CPU of ended children, percentiles, ratios that point the same way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.measure import Meter, Result, memory_bytes, percentile, table, tree, write

SPIN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_cpu_of_children_that_have_ended_is_counted() -> None:
    # Each PostgreSQL backend is such a child: its time must not vanish with it.
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN!r}])\nprint('done', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        meter = Meter(lambda: {"parent": [process.pid]})
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        spent = meter.read()["parent"]
        process.communicate()
    assert spent >= 0.29


def test_the_tree_holds_grandchildren_and_memory_is_counted() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        assert child.pid in tree([os.getpid()])
        assert memory_bytes([os.getpid()]) > memory_bytes([child.pid]) > 0
        child.communicate()


def test_the_ratio_says_how_many_times_better_ours_is() -> None:
    assert Result("drain", "rows/s", 200.0, 100.0, "more").ratio == 2.0
    assert Result("delay", "ms", 5.0, 20.0, "less").ratio == 4.0
    assert Result("peer only", "ms", None, 20.0, "less").ratio is None


def test_results_are_lines_of_json_and_a_table(tmp_path: Path) -> None:
    result = Result("drain: rows/s", "rows/s", 40_000.0, 20_000.0, "more", {"rows": 1})
    file = tmp_path / "results" / "latest.jsonl"
    write(result, file)
    write(result, file)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len(lines) == 2
    assert lines[0] == {
        "work": "drain: rows/s",
        "unit": "rows/s",
        "ours": 40_000.0,
        "peer": 20_000.0,
        "better": "more",
        "ratio": 2.0,
        "conditions": {"rows": 1},
    }
    assert table([result]).splitlines()[-1] == "| drain: rows/s | rows/s | 40,000 | 20,000 | 2.00 |"
