"""Compiles the wire format (C) and the deciding modules (mypyc) for this Python, into the tree; where that can't be done the
installation goes on without, and Python does the same slower."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = "schemas/wire"


class Compile(BuildHookInterface[Any]):
    """`modules` in pyproject.toml: patterns of the Python modules that are compiled; `apart`: which of them are not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        wire = root / f"schemas/_wire{suffix}"
        modules = deciding(root, self.config)
        library = root / f"{group(modules)}__mypyc{suffix}"
        compiled = [library, *(path.with_suffix(suffix) for path in modules)]
        former = [path for name in self.build_config.packages for path in (root / name).rglob(f"*{suffix}")]
        for old in [*former, *root.glob(f"hemis_*{suffix}")]:
            old.unlink()  # better none than one of another source
        made: list[Path] = []
        try:
            _compile(root / SOURCES, wire)
            made.append(wire)
            if os.environ.get("HEMIS_COMPILE") != "wire":
                _compile_modules(root, modules)
                made += compiled
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"Not all is compiled, Python does the same slower: {error}")
        if made:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"] += [f"/{path.relative_to(root)}" for path in made]
            if library in made:
                build_data["force_include"][str(library)] = library.name


def digest(sources: Path) -> str:
    """What the compiled wire format says it was made from; a test compares."""
    return _digest(sorted(sources.glob("*.[ch]")))


def deciding(root: Path, config: dict[str, Any]) -> list[Path]:
    """The Python modules that are compiled."""
    patterns, apart = config["modules"], {root / name for name in config["apart"]}
    return sorted({path for pattern in patterns for path in root.glob(pattern)} - apart)


def group(modules: Iterable[Path]) -> str:
    """The name under which modules are compiled together. It says what they were made from; a test compares."""
    return f"hemis_{_digest(modules)[:16]}"


def _digest(files: Iterable[Path]) -> str:
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _compile_modules(root: Path, modules: list[Path]) -> None:
    names = [str(path.relative_to(root)) for path in modules]
    command = [sys.executable, "-c", _MYPYC, group(modules), *names]
    subprocess.run(command, cwd=root, check=True)


_MYPYC = """
import sys
from tempfile import TemporaryDirectory
from mypyc.build import mypycify
from setuptools import Distribution

group, *modules = sys.argv[1:]
with TemporaryDirectory() as folder:
    options = ["--ignore-missing-imports", "--disable-error-code=import-untyped"]
    made = mypycify([*options, *modules], group_name=group, target_dir=folder)
    command = Distribution({"ext_modules": made}).get_command_obj("build_ext")
    command.inplace, command.build_temp, command.build_lib = True, folder, folder
    command.ensure_finalized()
    command.run()
"""


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
