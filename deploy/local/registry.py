"""The schema registry: Apicurio, spoken to through its Confluent interface, its schemas kept in the national cluster.

It asks nobody for a password, so it listens on the loopback address only.
"""

import os
import shutil
import signal
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg

from deploy.local import artifacts, java, postgres, processes
from deploy.local.ports import HOST
from deploy.local.state import State, write_private

NAME = "registry"
STOP_SIGNAL = signal.SIGTERM
HEAP = "256m"
DATABASE = "registry"


def url(state: State) -> str:
    """The address for clients of the Confluent interface."""
    return f"http://{HOST}:{state.read().ports[NAME]}/apis/ccompat/v7"


def unpacked(say: Callable[[str], None]) -> Path:
    """The registry's program folder; the archive is fetched and unpacked once for all stacks of the user."""
    (artifact,) = artifacts.locked(NAME)
    folder = artifact.cached.parent / "app"
    if not (folder / "quarkus-run.jar").exists():
        (archive,) = artifacts.fetch(NAME, say)
        fresh = folder.with_name(f"app.{os.getpid()}")
        with tarfile.open(archive) as tar:
            tar.extractall(fresh, filter="data")
        try:
            os.replace(fresh, folder)
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
        archive.unlink(missing_ok=True)
    return folder


def start(state: State, jit: java.Jit, program: Path) -> None:
    """Start the registry and wait until it lists its subjects. Its PostgreSQL cluster must be running."""
    with psycopg.connect(postgres.dsn(state, "national", "postgres"), autocommit=True) as connection:
        postgres.ensure_role(connection, DATABASE, state.secret(f"postgres-national.{DATABASE}"))
        postgres.ensure_database(connection, DATABASE, owner=DATABASE)
    ports = state.read().ports
    settings = {
        "quarkus.http.host": HOST,
        "quarkus.http.port": ports[NAME],
        # Left alone, the management port listens on every address of the machine.
        "quarkus.management.host": HOST,
        "quarkus.management.port": ports["registry-management"],
        "quarkus.log.level": "WARN",
        "quarkus.banner.enabled": "false",
        "apicurio.storage.kind": "sql",
        "apicurio.storage.sql.kind": "postgresql",
        "apicurio.datasource.url": f"jdbc:postgresql://{HOST}:{ports['postgres-national']}/{DATABASE}",
        "apicurio.datasource.username": DATABASE,
        "apicurio.datasource.password": state.secret(f"postgres-national.{DATABASE}"),
        "apicurio.datasource.jdbc.initial-size": 1,
        "apicurio.datasource.jdbc.min-size": 1,
        "apicurio.datasource.jdbc.max-size": 8,
    }
    folder = state.home / NAME
    file = folder / "application.properties"
    write_private(file, "".join(f"{key}={value}\n" for key, value in settings.items()))
    command = [
        java.java(),
        *java.options(jit, HEAP, folder / "tmp"),
        f"-Dquarkus.config.locations={file}",
        "-jar",
        str(program / "quarkus-run.jar"),
    ]
    record = processes.spawn(state, NAME, command)
    subjects = f"{url(state)}/subjects"
    processes.wait_ready(state, NAME, record, lambda: _read(subjects))


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=2) as reply:
        answer: bytes = reply.read()
    return answer
