"""A stack of their own: the national stages read every institution's topics, so nothing may be in them that other tests left."""

from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from tests.support.stack import up


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """As `tests.support.stack.stack`, of this folder's tests."""
    with up(tmp_path_factory.mktemp("national")) as running:
        yield running
