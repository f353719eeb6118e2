"""Fixtures of the whole test run."""

from tests.support.prometheus import prometheus
from tests.support.stack import stack

__all__ = ["prometheus", "stack"]
