"""This machine: the data folder, and who may read the secrets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from deploy.doctor.checks import Result, failed, passed, skipped, warned
from schemas.settings import OperatorSettings

LEAST_BYTES = 1 << 30
LEAST_SHARE = 0.05
OTHERS = 0o077


def examine(settings: OperatorSettings, file: Path | None) -> Iterator[Result]:
    yield _data(Path(settings.data))
    yield _secrets(file)


def _data(folder: Path) -> Result:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            room = shutil.disk_usage(folder)
    except OSError as error:
        return failed("machine.data", f"{folder}: {error.strerror}", folder=folder)
    detail = f"{room.free >> 20:,} MiB of {room.total >> 20:,} MiB free"
    tight = room.free < LEAST_BYTES or room.free < LEAST_SHARE * room.total
    return warned("machine.data", detail, folder=folder) if tight else passed("machine.data", detail)


def _secrets(file: Path | None) -> Result:
    if file is None:
        return skipped("machine.secrets", "the settings come from the environment")
    named = yaml.safe_load(file.read_text("utf-8")) or {}
    files = [file, *(file.parent / str(value) for name, value in named.items() if name.endswith("_file"))]
    open_to_others = [str(one) for one in files if one.exists() and one.stat().st_mode & OTHERS]
    if open_to_others:
        return warned("machine.secrets", ", ".join(open_to_others), files=" ".join(open_to_others))
    return passed("machine.secrets", f"{len(files)} files")
