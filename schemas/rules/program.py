"""What a check of one entity looks like, once it is made for a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.rules.found import Found

Check = Callable[[Mapping[str, Any], Mapping[str, str], list[Found]], None]
"""Takes an entity's values and its untyped texts; adds what it finds."""
