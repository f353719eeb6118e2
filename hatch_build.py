"""Compiles the wire format for this Python, into the tree; where that can't be done the installation goes on without it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = "schemas/wire"


class CompileWire(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sources = Path(self.root, SOURCES)
        built = sources.with_name(f"_wire{sysconfig.get_config_var('EXT_SUFFIX')}")
        built.unlink(missing_ok=True)  # better none than one of another source
        try:
            _compile(sources, built)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"No compiled wire format, Python does the same slower: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(f"/schemas/{built.name}")


def digest(sources: Path) -> str:
    """What the compiled file says it was made from; a test compares."""
    return sha256(b"".join(path.read_bytes() for path in sorted(sources.glob("*.[ch]")))).hexdigest()


def _compile(sources: Path, built: Path) -> None:
    """A process that has the former file loaded keeps it: the new one takes its name when it is whole."""
    linker, flags, position = (
        shlex.split(sysconfig.get_config_var(name) or "") for name in ("LDSHARED", "CFLAGS", "CCSHARED")
    )
    if compiler := os.environ.get("CC"):
        linker[:1] = shlex.split(compiler)
    unfinished = built.with_name(f".{built.name}.{os.getpid()}")
    command = [
        *linker, *flags, *position, "-std=c11", "-fvisibility=hidden", f"-I{sysconfig.get_path('include')}",
        f'-DSOURCE_SHA256="{digest(sources)}"', *map(str, sorted(sources.glob("*.c"))), "-o", str(unfinished),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True)
        unfinished.replace(built)
    finally:
        unfinished.unlink(missing_ok=True)
