"""`hemis bundle`."""

from __future__ import annotations

import io
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from deploy.doctor.command import known_processes
from deploy.support.collect import as_bytes, parts, secrets_in, settings_files, tried
from deploy.support.scrub import Scrubber
from schemas.settings import OperatorSettings, load

PARTS_AT_ONCE = 8


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The archive; hemis-bundle-<time>.tar.gz without it.",
)
@click.option(
    "--log", "logs", type=click.Path(dir_okay=False, path_type=Path), multiple=True, help="A log to take along."
)
@click.option(
    "--urls",
    type=click.Path(path_type=Path),
    help="File with one process a line: its address, or name and address.",
)
@click.option("--home", type=click.Path(path_type=Path), help="Folder of a demo: its processes, settings and logs.")
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path),
    help="The operator's settings; HEMIS_… variables win over it.",
)
def bundle(
    output: Path | None, logs: tuple[Path, ...], urls: Path | None, home: Path | None, file: Path | None
) -> None:
    """Make one archive for support: what the doctor says, status, metrics, clocks, settings, topics, sizes, the ends of logs.

    Secrets and personal data are taken out; look through it before you send it. A system that is broken is told of as far as it
    answers: exit code 0 whenever there is an archive.
    """
    output = output or Path(f"hemis-bundle-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar.gz")
    every = [*logs, *(sorted((home / "processes").glob("*.log")) if home is not None else ())]
    scrubber = Scrubber(secrets_in(settings_files(file, every)))
    wrong: dict[str, object] = {}
    settings = tried(lambda: load(OperatorSettings, file))
    places = tried(lambda: known_processes(urls, home))
    if not isinstance(settings, OperatorSettings):
        wrong["settings"], settings = settings, None
    if "error" in places:
        wrong["processes"], places = places, {}
    wanted = list(parts(settings, file, places, every, scrubber))
    # At once: of a system that is away each part waits for its own time-out.
    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        contents = list(pool.map(tried, [part for _, part in wanted]))
    with tarfile.open(output, "w:gz") as archive:
        for (name, _), content in zip(wanted, contents, strict=True):
            if isinstance(content, dict) and set(content) & {"error"}:
                wrong[name] = content
            _add(archive, name, as_bytes(content, scrubber))
        _add(archive, "incomplete.json", as_bytes(wrong, scrubber))
    output.chmod(0o600)
    click.echo(f"{output}: {output.stat().st_size:,} bytes" + (f"; without: {', '.join(wrong)}" if wrong else ""))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(f"hemis-bundle/{name}")
    info.size, info.mtime, info.mode = len(content), int(time.time()), 0o600
    archive.addfile(info, io.BytesIO(content))
