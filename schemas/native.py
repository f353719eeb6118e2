"""What the installation could compile: the wire format (`wire/`) and the modules that pyproject.toml names; elsewhere Python does the
same, slower.

`HEMIS_WIRE=python` leaves it aside. One that is there and can't be loaded is an error.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import ModuleType

from schemas import keys

wire: ModuleType | None = None

if os.environ.get("HEMIS_WIRE") != "python":
    with suppress(ModuleNotFoundError):
        import schemas._wire as wire

KIND = "compiled" if wire else "python"
RULES = "python" if keys.__file__.endswith(".py") else "compiled"
"""All modules are compiled, or none is."""
