"""Fixtures of the whole test run. No example of a property test fails for having been slow: others use the machine too."""

from hypothesis import settings

from tests.support.prometheus import prometheus
from tests.support.stack import stack

__all__ = ["prometheus", "stack"]

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
