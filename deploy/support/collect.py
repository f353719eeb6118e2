"""The parts of a bundle. Each is collected by itself: what fails is told in its place, and hides no other."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from deploy import institutions
from deploy.doctor.broker import probe
from deploy.doctor.examination import examine
from deploy.kafka import TIMEOUT_SECONDS, Refusals, administrator, kafka_errors
from deploy.letters.letter import read as letters
from deploy.letters.replay import histogram
from deploy.status import lines, scraped
from deploy.support import scrub
from deploy.support.scrub import Scrubber
from schemas.errors import HemisError
from schemas.settings import ROLES, OperatorSettings

LAST_LINES = 2_000
Part = Callable[[], Any]

KINDS = {f.name: str(f.type) for kind in ROLES.values() for f in fields(kind)}
"""The type of every declared setting."""


def parts(
    settings: OperatorSettings | None,
    file: Path | None,
    places: Mapping[str, str],
    logs: list[Path],
    scrubber: Scrubber,
) -> Iterator[tuple[str, Part]]:
    """Names of files in the archive, and what makes their content: text, or anything that JSON can tell."""
    yield "about.json", about
    for log in logs:
        yield f"logs/{log.name}", partial(tail, log, scrubber)
    for path in settings_files(file, logs):
        yield f"settings/{path.name}.json", partial(settings_of, path)
    if places:
        yield "status.json", lambda: [asdict(line) for line in lines(scraped(places), time.time())]
        for name, url in places.items():
            yield f"metrics/{name}.txt", partial(metrics, url, scrubber)
    if settings is None:
        return
    yield "clock.json", lambda: clocks(settings)
    yield "doctor.json", lambda: [one.as_dict() for one in examine(settings, file, places)]
    yield "topics.json", lambda: topics(settings)
    yield "institutions.json", lambda: [asdict(one) for one in institutions.every(settings)]
    yield "dead-letters.json", lambda: list(histogram(letters(settings)))
    if settings.national_dsn:
        yield "database.json", lambda: database(settings)


def about() -> dict[str, Any]:
    """Versions, and the machine as far as it matters."""
    return {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "distributions": {one.metadata["Name"]: one.version for one in distributions()},
    }


def clocks(settings: OperatorSettings) -> dict[str, Any]:
    """Seconds by which the others' clocks are ahead of this machine's, and how well that is known."""
    found: dict[str, Any] = {}

    def broker() -> dict[str, float]:
        seen = probe(settings)
        return {"ahead_seconds": round(seen.ahead, 4), "doubt_seconds": round(seen.seconds / 2, 4)}

    def national() -> dict[str, float]:
        from deploy.doctor.database import ahead
        from sinks.database import engine, translated_database_errors

        made = engine(settings.national_dsn.reveal())
        try:
            with translated_database_errors(), made.connect() as connection:
                seconds, doubt = ahead(connection)
        finally:
            made.dispose()
        return {"ahead_seconds": round(seconds, 4), "doubt_seconds": round(doubt, 4)}

    for name, look in (("broker", broker), ("national database", national)):
        if name == "broker" or settings.national_dsn:
            found[name] = tried(look)
    return found


def tried(part: Part) -> Any:
    """What a part gives, or why it gives nothing: the kind of error, never its words (P8)."""
    try:
        return part()
    except HemisError as error:
        return {"error": error.code, "meaning": error.declared.en, "facts": {k: str(v) for k, v in error.facts.items()}}
    except Exception as error:  # a bundle is made of what is broken
        return {"error": type(error).__name__}


def topics(settings: OperatorSettings) -> dict[str, Any]:
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        cluster = administrator(settings, refusals).list_topics(timeout=TIMEOUT_SECONDS)
    return {
        "brokers": len(cluster.brokers),
        "topics": {
            name: [
                {"leader": one.leader, "replicas": len(one.replicas), "in_sync": len(one.isrs)}
                for one in topic.partitions.values()
            ]
            for name, topic in sorted(cluster.topics.items())
        },
    }


def database(settings: OperatorSettings) -> dict[str, Any]:
    """Sizes and states, no statement and no row."""
    import sqlalchemy as sa

    from sinks.database import engine, translated_database_errors

    made = engine(settings.national_dsn.reveal())
    try:
        with translated_database_errors(), made.connect() as connection:

            def rows(query: str) -> list[list[Any]]:
                return [list(row) for row in connection.execute(sa.text(query))]

            return {
                "version": rows("SHOW server_version"),
                "tables": rows(
                    "SELECT relname, n_live_tup, n_dead_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY 1"
                ),
                "places": rows("SELECT topic, partition, next_offset FROM applied_offset ORDER BY 1, 2"),
                "connections": rows(
                    "SELECT coalesce(application_name, ''), coalesce(state, ''), count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 1, 2"
                ),
                "settings": rows(
                    "SELECT name, setting FROM pg_settings WHERE source NOT IN ('default', 'override', 'client') AND vartype <> 'string' ORDER BY 1"
                ),
            }
    finally:
        made.dispose()


def metrics(url: str, scrubber: Scrubber) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=TIMEOUT_SECONDS) as answer:
        return scrubber.exposition(answer.read().decode())


def tail(log: Path, scrubber: Scrubber) -> str:
    """The last lines of a log, those that may leave."""
    with log.open("r", encoding="utf-8", errors="replace") as lines_:
        last = deque(lines_, LAST_LINES)
    kept = [kept for line in last if (kept := scrubber.log_line(line)) is not None]
    return "\n".join([*kept, f"# {len(last) - len(kept)} other lines left out", ""])


def settings_files(file: Path | None, logs: list[Path]) -> list[Path]:
    """The operator's, and those of a demo's processes beside their logs."""
    folders = {log.parent.parent / "settings" for log in logs}
    others = sorted(path for folder in folders if folder.is_dir() for path in folder.glob("*.yaml"))
    return [*([file] if file is not None and file.exists() else []), *others]


def _text(path: Path) -> str:
    return path.read_text("utf-8").strip()


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def settings_of(path: Path) -> dict[str, Any]:
    found = _yaml(path)
    return scrub.settings(found if isinstance(found, dict) else {}, KINDS)


def secrets_in(paths: list[Path]) -> set[str]:
    """Every secret that these settings files hold or name."""
    found: set[str] = set()
    for path in paths:
        known = tried(partial(_yaml, path))
        for name, value in known.items() if isinstance(known, dict) else ():
            if KINDS.get(name) == "Secret":
                found.add(str(value))
            elif name.endswith("_file"):
                text = tried(partial(_text, path.parent / str(value)))
                found |= {text} if isinstance(text, str) else set()
    for name, kind in KINDS.items():
        if kind == "Secret" and (value := os.environ.get(f"HEMIS_{name.upper()}")):
            found.add(value)
    return found | {part for one in found for part in passwords_of(one)}


def passwords_of(secret: str) -> Iterator[str]:
    """The password inside a connection string, which may appear without it."""
    if "://" in secret:
        try:
            inner = urlsplit(secret).password
        except ValueError:
            return
        if inner:
            yield inner
            yield unquote(inner)
    for word in secret.split():
        if word.startswith("password="):
            yield word.removeprefix("password=").strip("'\"")


def as_bytes(content: Any, scrubber: Scrubber) -> bytes:
    """Text is scrubbed where it was made; everything else here."""
    if isinstance(content, str):
        return content.encode()
    return (
        json.dumps(scrubber.value(json.loads(json.dumps(content, default=str))), ensure_ascii=False, indent=1) + "\n"
    ).encode()
