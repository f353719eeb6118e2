"""From nothing to the first national row, by the guide: a fourth university with a schema that nobody has seen.

`python -m tests.integration.onboarding.course` times it on this machine: a system of one university takes up another.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
import yaml
from psycopg.conninfo import make_conninfo

from deploy.local.postgres import ensure_database, ensure_role
from tests.faults.process import ROOT, Process
from tests.faults.world import World
from tests.support.waiting import wait_until

HERE = Path(__file__).parent
CODE = "DHD"
DATABASE, ROLE, PASSWORD = "dhd", "hemis_agent_dhd", "a university's own"
MAPPING = HERE / f"{CODE}.mapping.yaml"
ENTITIES = {"programme": 2, "person": 400, "learner": 400, "study_record": 400}


@dataclass
class Counted:
    """What it took. `seconds`: of the machine, from the first command to the first national row, and to the last."""

    commands: list[str] = field(default_factory=list)
    statements: int = 0
    mapping_lines: int = 0
    first_row_seconds: float = 0.0
    all_rows_seconds: float = 0.0


class Course:
    """One university beside those of a running world. `folder` is what it was given."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.home = world.home
        self.folder = self.home / "institutions" / CODE
        self.counted = Counted()
        self.agent = Process("agent-DHD", ("agent", "run"), self.folder / "agent.yaml", 0, world.logs)
        admin = world.stack.admin_config()
        self.administrator = self._settings(
            "administrator",
            kafka_bootstrap=admin["bootstrap.servers"],
            kafka_user=admin["sasl.username"],
            kafka_password=admin["sasl.password"],
            kafka_mechanism=admin["sasl.mechanism"],
            agent_bootstrap=world.stack.bootstrap,
            replication=1,
            actor="tester",
        )
        self._university()

    def _settings(self, name: str, **more: object) -> Path:
        file = self.home / f"{name}.yaml"
        common = {"registry_url": self.world.stack.registry_url, "data": str(self.home / "data" / name)}
        file.write_text(yaml.safe_dump(self.world.stack.transport | common | more), "utf-8")
        return file

    def _university(self) -> None:
        """Its database, as it was before anyone thought of HEMIS."""
        with psycopg.connect(self.world.stack.dsn("universities", "postgres"), autocommit=True) as connection:
            ensure_database(connection, DATABASE)
        self.sql((HERE / f"{CODE}.schema.sql").read_text("utf-8"))

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.world.stack.dsn("universities", DATABASE), autocommit=True) as connection:
            connection.execute(statement.encode())

    def hemis(self, *arguments: str, settings: Path | None = None, may_find: bool = False) -> str:
        """One command, in the university's folder unless it is the ministry's."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.command", *arguments, "--settings", str(settings or "agent.yaml")],
            cwd=self.home if settings else self.folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode in ((0, 1) if may_find else (0,)), done.stderr
        return done.stdout

    def ministry(self, *arguments: str) -> str:
        return self.hemis(*arguments, settings=self.administrator)

    # -- the guide, step by step --------------------------------------------------------------------------------------

    def run(self) -> Counted:
        """Everything up to a running agent, and until all rows are there."""
        began = time.monotonic()
        self.step("institution", "add", CODE, settings=self.administrator)
        self._database_administrator()
        self.step("agent", "init", "--output", "mapping.yaml")
        shutil.copy(MAPPING, self.folder / "mapping.yaml")
        lines = [line for line in MAPPING.read_text("utf-8").splitlines() if line.strip() and line.lstrip()[0] != "#"]
        self.counted.mapping_lines = len(lines)
        self.step("agent", "check", "--values")
        self.step("agent", "preview")
        # A finding is no obstacle here: the local stack's limit on kept log is the stack's own.
        self.step("agent", "doctor", may_find=True)
        self.counted.commands.append("hemis agent run")
        self.agent.start()
        wait_until(lambda: self.rows("person") > 0, "the first national row", 120.0)
        self.counted.first_row_seconds = round(time.monotonic() - began, 1)
        wait_until(self.complete, "every row is national", 120.0)
        self.counted.all_rows_seconds = round(time.monotonic() - began, 1)
        return self.counted

    def step(self, *arguments: str, settings: Path | None = None, may_find: bool = False) -> None:
        self.counted.commands.append(" ".join(("hemis", *arguments)))
        self.hemis(*arguments, settings=settings, may_find=may_find)

    def _database_administrator(self) -> None:
        """Step 2 of the guide; the slot and the publication have names of their own, for slots are the server's."""
        with psycopg.connect(self.world.stack.dsn("universities", "postgres"), autocommit=True) as connection:
            ensure_role(connection, ROLE, PASSWORD, "replication")
        for statement in (
            f"grant usage on schema public to {ROLE}",
            f"grant select on all tables in schema public to {ROLE}",
            "create publication hemis_dhd for table ctdt, ca_nhan, nguoi_hoc, qua_trinh with (publish_via_partition_root = true)",
        ):
            self.sql(statement)
            self.counted.statements += 1
        self.counted.statements += 1
        dsn = make_conninfo(self.world.stack.dsn("universities", DATABASE), user=ROLE, password=PASSWORD)
        secret = self.folder / "source_dsn"
        secret.touch(mode=0o600)
        secret.write_text(dsn, "utf-8")
        with (self.folder / "agent.yaml").open("a", encoding="utf-8") as file:
            file.write("slot: hemis_dhd\n")

    # -- what is national ---------------------------------------------------------------------------------------------

    def rows(self, entity: str) -> int:
        query = f"select count(*) from {entity} where institution = '{CODE}' and operation <> 'CANCEL'"
        with psycopg.connect(self.world.national_dsn) as national:
            row = national.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def complete(self) -> bool:
        found = {entity: self.rows(entity) for entity in ENTITIES}
        assert found == ENTITIES, found
        return True


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), ("UA",), workers=1)
        try:
            world.up()
            course = Course(world)
            try:
                print(json.dumps(asdict(course.run()), indent=2))
            finally:
                course.agent.stop()
        finally:
            world.down()


if __name__ == "__main__":
    main()
