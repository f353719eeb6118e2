"""A real browser for tests: the machine's own Chromium, or Debian's package with what it needs, unpacked into the user's cache
without root.

The packages come through the user's own apt, which knows its addresses and verifies what it fetches. No hash is pinned here:
Debian replaces the files with each correction.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, sync_playwright

from deploy.local.artifacts import cache_folder

PACKAGE = "chromium-headless-shell"
INSTALLED = (PACKAGE, "chromium", "chromium-browser", "google-chrome")
FETCH_SECONDS = 600.0


@dataclass(frozen=True)
class Binary:
    """`libraries`: folders of shared libraries that the machine does not have."""

    path: Path
    libraries: Sequence[Path] = ()


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser; the test fails, and says why, where none can be had."""
    found = binary()
    paths = [*map(str, found.libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    environment: dict[str, str | float | bool] = {**os.environ, "LD_LIBRARY_PATH": ":".join(paths)}
    with sync_playwright() as playwright:
        # Its sandbox needs rights that a container may not give; it opens pages of this test only.
        running = playwright.chromium.launch(executable_path=found.path, env=environment, args=["--no-sandbox"])
        try:
            yield running
        finally:
            running.close()


def binary() -> Binary:
    """The browser's program, fetched if need be."""
    for name in INSTALLED:
        if known := shutil.which(name):
            return Binary(Path(known))
    folder = cache_folder() / PACKAGE
    if not folder.exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            pytest.fail(
                f"no browser: none of {', '.join(INSTALLED)} is installed, and there is no apt to fetch one with"
            )
        _fetch(folder)
    program = next(folder.glob(f"usr/lib/**/{PACKAGE}"), None)
    if program is None:
        pytest.fail(f"no browser in {folder}: remove the folder and try again")
    libraries = sorted({path.parent for path in folder.glob("usr/lib/**/*.so*") if path.parent != program.parent})
    return Binary(program, libraries)


def _fetch(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix="browser-") as work:
        place = Path(work)
        wanted = _missing(place, ()) or _missing(place, _own_lists(place))
        if not wanted:
            pytest.fail(f"no browser: apt knows no {PACKAGE}; install Chromium, or run apt-get update")
        options, packages = wanted
        _run(place, ["apt-get", *options, "download", "-q", *packages])
        for package in place.glob("*.deb"):
            _run(place, ["dpkg-deb", "-x", str(package), "whole"])
        try:
            os.rename(place / "whole", folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                pytest.fail(f"no browser: {folder} can't be written")


def _missing(place: Path, options: Sequence[str]) -> tuple[Sequence[str], list[str]] | None:
    """The packages that an installation would bring here; None if apt's lists don't have them."""
    command = ["apt-get", *options, "install", "--simulate", "--no-install-recommends", PACKAGE]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS)
    names = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Inst ")]
    return (options, names) if done.returncode == 0 and names else None


def _own_lists(place: Path) -> Sequence[str]:
    """Fresh lists beside the system's, which only root may renew."""
    for name in ("lists/partial", "archives/partial"):
        (place / name).mkdir(parents=True)
    options = (
        "-o",
        f"Dir::State::Lists={place / 'lists'}",
        "-o",
        f"Dir::Cache={place}",
        "-o",
        f"Dir::Cache::Archives={place / 'archives'}",
    )
    _run(place, ["apt-get", *options, "-q", "update"])
    return options


def _run(place: Path, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"no browser: {command[0]} took longer than {FETCH_SECONDS:g} s")
    if done.returncode:
        pytest.fail(f"no browser: {' '.join(command[:2])} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
