"""Fixtures of the whole test run."""

from tests.support.stack import stack

__all__ = ["stack"]
