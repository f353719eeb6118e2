"""The real Prometheus of tests, or a clear word why there is none."""

from __future__ import annotations

import pytest

from deploy.local.prometheus import Binaries, binaries


@pytest.fixture(scope="session")
def prometheus() -> Binaries:
    said: list[str] = []
    found = binaries(said.append)
    if found is None:
        pytest.skip("; ".join(said))
    return found
