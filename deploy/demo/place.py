"""The demo's home: stack, databases, users, rights, settings files. Everything may be repeated; what is right stays.

The national side is set up as the ministry would, each university as its database administrator would: the office owns the
tables, the agent's role may read the mapped ones and replicate, and the administrator makes the publication.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import psycopg
import yaml
from confluent_kafka.admin import AdminClient
from psycopg import sql

from deploy.board.access import Role as BoardRole
from deploy.board.access import Viewer
from deploy.board.address import address
from deploy.board.links import token
from deploy.demo.extent import CODES, sizes
from deploy.demo.load import create, shape, write_truth
from deploy.demo.universities.shape import Shape
from deploy.demo.workers import PROJECT, Worker
from deploy.local.ports import free_port
from deploy.local.postgres import ensure_database, ensure_role
from deploy.local.stack import Say, Stack
from deploy.local.state import write_private
from deploy.provisioning import institution_user, provision_institution, provision_national, role_user
from producers.mapping.load import load as load_mapping
from schemas.errors import HemisError
from schemas.registry import Registry
from schemas.settings import BoardSettings, load
from schemas.topics import PARTITIONS, Role
from sinks import roles
from sinks.database import engine
from sinks.migrate import make_roles

Connection: TypeAlias = psycopg.Connection[Any]

ROLES: tuple[Role, ...] = ("records", "people", "matcher", "sink", "reader", "operator")
NATIONAL = "hemis"
NATIONAL_ROLE = "hemis_sink"
BOARD_ROLE = "hemis_board_demo"
RECORDS_WORKERS = 2
MATCHER_NICENESS = 10
"""It takes as much of a core as RECORDS does, and nobody waits for what it proposes."""
LINK_SECONDS = 86_400.0
QUALITY_SECONDS = 10.0
"""The demo's people look on; in production the measures follow every few minutes."""


@dataclass(frozen=True)
class Facts:
    """What a home was made with; a later start keeps to it."""

    seed: int
    learners: int


class Place:
    """One demo home. `learners` and `seed` count only for a new one."""

    def __init__(self, home: Path, learners: int, seed: int) -> None:
        self.home = home.resolve()
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.stack = Stack(self.home / "stack")
        file = self.home / "demo.json"
        self.resumed = file.exists()
        self.facts = Facts(**json.loads(file.read_text())) if self.resumed else Facts(seed, learners)
        if not self.resumed:
            write_private(file, json.dumps(asdict(self.facts)) + "\n")
        self.shapes: dict[str, Shape] = {
            code: shape(code, self.facts.seed, sizes(self.facts.learners)) for code in CODES
        }

    # -- connections ---------------------------------------------------------------------------------------------------

    def office(self, code: str) -> Connection:
        """A connection as a university's own staff."""
        return psycopg.connect(self._source_dsn(code, _office(code)), autocommit=True)

    def national(self) -> Connection:
        return psycopg.connect(self.stack.dsn("national", NATIONAL, NATIONAL_ROLE), autocommit=True)

    def _source_dsn(self, code: str, user: str) -> str:
        return self.stack.dsn("universities", code.lower(), user)

    # -- making --------------------------------------------------------------------------------------------------------

    def prepare(self, say: Say) -> list[Worker]:
        """Everything up to the processes, which are returned ready to be started."""
        self.stack.up(say)
        Registry(self.stack.registry_url, self.home / "schemas").register_all()
        admin = AdminClient(self.stack.admin_config() | {"log_level": 0})
        provision_national(
            admin, PARTITIONS, 1, {role: self.stack.secret(f"kafka.{role_user(role)}") for role in ROLES}
        )
        for code in CODES:
            provision_institution(admin, code, self.stack.secret(f"kafka.{institution_user(code)}"))
        for code in CODES:
            if rows := self._university(code):
                say(f"{code}: {rows:,} rows of synthetic people made")
        if not (truth := self.home / "truth.jsonl").exists():
            write_truth(truth, self.facts.seed, sizes(self.facts.learners))
        workers = self._workers()
        self._national_database(workers[-1].settings)
        workers.append(self._board())
        self._passwords()
        return workers

    def _university(self, code: str) -> int:
        database, office, agent = code.lower(), _office(code), _agent(code)
        with psycopg.connect(self.stack.dsn("universities", "postgres"), autocommit=True) as administrator:
            ensure_role(administrator, office, self.stack.secret(f"postgres-universities.{office}"))
            ensure_role(administrator, agent, self.stack.secret(f"postgres-universities.{agent}"), "replication")
            ensure_database(administrator, database, office)
        with self.office(code) as connection:
            known = connection.execute("select 1 from pg_publication where pubname = %s", [slot(code)]).fetchone()
            if known:
                return 0
            with connection.transaction():
                rows = create(connection, self.shapes[code])
                tables = [table.split(".", 1) for table in load_mapping(self.shapes[code].mapping_file()).tables]
                names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
                schemas = sql.SQL(", ").join(sql.Identifier(name) for name in sorted({table[0] for table in tables}))
                role = sql.Identifier(agent)
                connection.execute(sql.SQL("grant usage on schema {} to {}").format(schemas, role))
                connection.execute(sql.SQL("grant select on {} to {}").format(names, role))
                connection.execute(
                    sql.SQL("create publication {} for table {} with (publish_via_partition_root = true)").format(
                        sql.Identifier(slot(code)), names
                    )
                )
            return rows

    def _national_database(self, settings: Path) -> None:
        with psycopg.connect(self.stack.dsn("national", "postgres"), autocommit=True) as administrator:
            ensure_role(administrator, NATIONAL_ROLE, self.stack.secret(f"postgres-national.{NATIONAL_ROLE}"))
            ensure_database(administrator, NATIONAL, NATIONAL_ROLE)
        done = subprocess.run(
            [sys.executable, "-m", "deploy.command", "sink", "migrate", "--settings", str(settings)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise HemisError("E502", done.stderr.strip()[-500:])

    def _board(self) -> Worker:
        """The board, and the database roles that it reads by, which only an administrator may make."""
        password = self.stack.secret(f"postgres-national.{BOARD_ROLE}")
        with psycopg.connect(self.stack.dsn("national", "postgres"), autocommit=True) as administrator:
            ensure_role(administrator, BOARD_ROLE, password)
        administrator_url = _url(self.stack.dsn("national", NATIONAL))
        with engine(administrator_url).begin() as connection:
            make_roles(connection, CODES)
            connection.exec_driver_sql(f"GRANT {roles.BOARD} TO {BOARD_ROLE} WITH INHERIT FALSE")
        port = free_port()
        settings = {
            "national_dsn": _url(self.stack.dsn("national", NATIONAL, BOARD_ROLE)),
            "board_port": free_port(),
            "board_link_secret": self.stack.secret("board-link"),
            "metrics_port": port,
        }
        file = self.home / "settings" / "board.yaml"
        write_private(file, yaml.safe_dump(settings, sort_keys=False))
        return Worker("board", ("board", "run"), file, 0, f"http://127.0.0.1:{port}")

    def sign_in(self) -> str:
        """A link to the board for whoever started the demo."""
        settings = load(BoardSettings, self.home / "settings" / "board.yaml", {})
        operator = Viewer("demo", BoardRole.OPERATOR)
        until = time.time() + LINK_SECONDS
        return f"{address(settings)}/sign-in?token={token(settings.board_link_secret, operator, until)}"

    def _workers(self) -> list[Worker]:
        workers = [
            self._worker(
                f"agent-{code}",
                ("agent", "run"),
                0,
                institution_user(code),
                institution=code,
                mapping=str(self.shapes[code].mapping_file()),
                source_dsn=self._source_dsn(code, _agent(code)),
                slot=slot(code),
                heartbeat_seconds=2.0,
            )
            for code in CODES
        ]
        for name, stage, role, niceness in (
            *((f"records-{n + 1}", "records", "records", 0) for n in range(RECORDS_WORKERS)),
            ("people", "people", "people", 0),
            ("matcher", "matcher", "matcher", MATCHER_NICENESS),
        ):
            worker = self._worker(
                name,
                ("processor", "run", stage),
                1,
                role_user(role),
                person_key_secret=self.stack.secret("person-key"),
                partitions=PARTITIONS,
                refresh_seconds=5.0,
            )
            workers.append(replace(worker, niceness=niceness))
        workers.append(
            self._worker(
                "sink",
                ("sink", "run"),
                2,
                role_user("sink"),
                national_dsn=self._national_url(),
                quality_seconds=QUALITY_SECONDS,
                set_rules_seconds=2 * QUALITY_SECONDS,
            )
        )
        return workers

    def _worker(self, name: str, command: tuple[str, ...], stage: int, user: str, **settings: object) -> Worker:
        port = free_port()
        file = self.home / "settings" / f"{name}.yaml"
        own = {
            **self.stack.transport,
            "kafka_user": user,
            "kafka_password": self.stack.secret(f"kafka.{user}"),
            "registry_url": self.stack.registry_url,
            "metrics_port": port,
            "data": str(self.home / "data" / name),
            **settings,
        }
        write_private(file, yaml.safe_dump(own, allow_unicode=True, sort_keys=False))
        return Worker(name, command, file, stage, f"http://127.0.0.1:{port}")

    def _passwords(self) -> None:
        """A password file, so that no line that is printed or typed holds a secret; and settings for readers and operators."""
        lines = []
        for login in (
            *(self._source_dsn(code, _office(code)) for code in CODES),
            self.stack.dsn("national", NATIONAL, NATIONAL_ROLE),
        ):
            found = psycopg.conninfo.conninfo_to_dict(login)
            lines.append(":".join(str(found[part]) for part in ("host", "port", "dbname", "user", "password")))
        write_private(self.home / "pgpass", "\n".join(lines) + "\n")
        others: tuple[Role, ...] = ("reader", "operator")
        for role in others:
            user = role_user(role)
            settings: dict[str, object] = {
                **self.stack.transport,
                "kafka_user": user,
                "kafka_password": self.stack.secret(f"kafka.{user}"),
                "registry_url": self.stack.registry_url,
                "data": str(self.home / "data" / role),
            }
            if role == "operator":
                settings |= {"national_dsn": self._national_url(), "replication": 1}
            write_private(self.home / "settings" / f"{role}.yaml", yaml.safe_dump(settings, sort_keys=False))

    def _national_url(self) -> str:
        return _url(self.stack.dsn("national", NATIONAL, NATIONAL_ROLE))

    def psql(self, cluster: Literal["national", "universities"], name: str) -> str:
        """The beginning of a psql command line; its password comes from the file."""
        user, database = (NATIONAL_ROLE, name) if cluster == "national" else (_office(name), name.lower())
        found = psycopg.conninfo.conninfo_to_dict(self.stack.dsn(cluster, database, user))
        return f"PGPASSFILE={self.home}/pgpass psql -h {found['host']} -p {found['port']} -U {user} {database}"


def _url(dsn: str) -> str:
    found = psycopg.conninfo.conninfo_to_dict(dsn)
    return "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format_map(found)


def slot(code: str) -> str:
    """Slot and publication. Slots are the cluster's, and the demo's universities share one."""
    return f"hemis_{code.lower()}"


def _office(code: str) -> str:
    return f"office_{code.lower()}"


def _agent(code: str) -> str:
    return f"agent_{code.lower()}"
