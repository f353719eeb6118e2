"""Java archives pinned by sha256: fetched once, verified, kept in a cache that all stacks of a user share.

No address stands here. It comes from HEMIS_MAVEN_URL, else from a mirror in Maven's own settings file, else from the
default of the PyPI package jgo, so that a closed network needs one variable and no change to the project.
"""

import hashlib
import os
import re
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StackError

Say = Callable[[str], None]

LOCK = Path(__file__).with_name("artifacts.lock")
ATTEMPTS = 4
PARALLEL = 8
BLOCK = 1 << 18


@dataclass(frozen=True)
class Artifact:
    """One line of the lock file."""

    group: str
    sha256: str
    size: int
    path: str

    @property
    def cached(self) -> Path:
        """Where the file is kept; the folder carries the hash, so a changed pin can never meet an old file."""
        return cache_folder() / "artifacts" / self.sha256[:16] / self.path.rsplit("/", 1)[1]


def cache_folder() -> Path:
    """The folder of downloads: HEMIS_CACHE, or the user's cache folder."""
    return Path(os.environ.get("HEMIS_CACHE") or Path.home() / ".cache" / "hemis-bus")


def base_url() -> str:
    """The Maven repository to fetch from, without a slash at the end."""
    if given := os.environ.get("HEMIS_MAVEN_URL"):
        return given.rstrip("/")
    settings = Path.home() / ".m2" / "settings.xml"
    if settings.exists():
        mirror = re.search(r"<mirror>.*?<url>\s*(\S+?)\s*</url>", settings.read_text(encoding="utf-8"), re.DOTALL)
        if mirror:
            return mirror[1].rstrip("/")
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
    except ImportError:
        raise StackError("no Maven repository is known", "pip install jgo, or set HEMIS_MAVEN_URL") from None
    return str(MAVEN_CENTRAL_URL).rstrip("/")


def locked(group: str, lock: Path = LOCK) -> list[Artifact]:
    """The pinned files of one group, in the order of the lock file."""
    rows = (line.split() for line in lock.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    found = [Artifact(row[0], row[1], int(row[2]), row[3]) for row in rows if row and row[0] == group]
    if not found:
        raise StackError(f"no artifact group '{group}' in {lock.name}", "the installation is damaged: install it again")
    return found


def fetch(group: str, say: Say = print, lock: Path = LOCK) -> list[Path]:
    """Local paths of a group's files. What is missing is fetched; a file whose hash is wrong is never kept."""
    artifacts = locked(group, lock)
    missing = [artifact for artifact in artifacts if not _is_cached(artifact)]
    if missing:
        total = sum(artifact.size for artifact in missing)
        say(f"{group}: fetching {len(missing)} files, {total / 1e6:.0f} MB")
        url = base_url()
        progress = _Progress(group, total, say)
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda artifact: _download(url, artifact, progress), missing))
    return [artifact.cached for artifact in artifacts]


def _is_cached(artifact: Artifact) -> bool:
    return artifact.cached.exists() and artifact.cached.stat().st_size == artifact.size


class _Progress:
    """Says each tenth of a long download once."""

    def __init__(self, group: str, total: int, say: Say) -> None:
        self._group, self._total, self._say = group, total, say
        self._done = self._told = 0
        self._mutex = threading.Lock()

    def add(self, size: int) -> None:
        with self._mutex:
            self._done += size
            tenth = self._done * 10 // self._total
            if self._total > 100_000_000 and tenth > self._told and self._done < self._total:
                self._told = tenth
                self._say(f"{self._group}: {self._done / 1e6:.0f} of {self._total / 1e6:.0f} MB")


def _download(url: str, artifact: Artifact, progress: _Progress) -> None:
    target = artifact.cached
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    last: Exception | None = None
    for _ in range(ATTEMPTS):
        digest = hashlib.sha256()
        try:
            with urllib.request.urlopen(f"{url}/{artifact.path}", timeout=60) as reply, partial.open("wb") as file:
                while block := reply.read(BLOCK):
                    digest.update(block)
                    file.write(block)
                    progress.add(len(block))
            if digest.hexdigest() != artifact.sha256:
                raise OSError("its sha256 is not the pinned one")
            os.replace(partial, target)
            return
        except (OSError, ValueError) as error:
            last = error
            partial.unlink(missing_ok=True)
    raise StackError(
        f"cannot fetch {artifact.path.rsplit('/', 1)[1]}: {last}",
        "behind a proxy set HTTPS_PROXY; for another mirror set HEMIS_MAVEN_URL",
    )
