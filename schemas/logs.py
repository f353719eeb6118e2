"""Logs: JSON lines on stderr, only for what needs a person; each has an `action` and names keys, never personal data (P8)."""

from __future__ import annotations

import json
import sys
import time
from typing import Literal


def log(level: Literal["info", "warning", "error"], event: str, *, action: str = "none", **facts: object) -> None:
    """One line. `event` is a fixed phrase, `action` what a person should do, `facts` counts, codes and technical keys."""
    line = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": level,
        "event": event,
        "action": action,
        **facts,
    }
    print(json.dumps(line, ensure_ascii=False, default=str), file=sys.stderr, flush=True)
