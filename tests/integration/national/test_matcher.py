"""MATCHER as a process between a real broker and the operator's command."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from deploy.local.ports import free_port
from deploy.local.stack import Stack
from deploy.provisioning import provision_institution, provision_national, role_user
from schemas.avro_schema import subject
from schemas.codec import codec
from schemas.envelope import header
from schemas.registry import Registry
from schemas.topics import CLAIMS, Role, partition_of
from tests.support.waiting import wait_until
from tests.unit.stream_processors.people_bench import claim, person

pytestmark = pytest.mark.real
ROLES: tuple[Role, ...] = ("operator", "matcher")
A, B = "MAT-A/person/1", "MAT-B/person/7"
AN = person(full_name="Khúc Hữu Tân", birth_date="2001-05-12", sex="M", birth_province="34", citizen_number=None)


class Place:
    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        provision_national(
            stack.admin_client(), 4, 1, {role: stack.secret(f"kafka.{role_user(role)}") for role in ROLES}
        )
        for code in ("MAT-A", "MAT-B"):
            provision_institution(stack.admin_client(), code, stack.secret(f"kafka.inst.{code}"))
        secret = {"person_key_secret": "s", "partitions": 4, "refresh_seconds": 1.0, "session_timeout_seconds": 6.0}
        self.matcher = self._settings("matcher", **secret, metrics_port=free_port())
        self.operator = self._settings("operator", actor="tester")
        self.hemis("schemas", "register", settings=self.operator)
        self.registry = Registry(stack.registry_url, folder / "schemas")
        self._producer = Producer(stack.admin_config())

    def _settings(self, role: str, **more: object) -> Path:
        user, file = role_user(role), self.folder / f"{role}.yaml"
        common = {
            **self.stack.transport,
            "kafka_user": user,
            "kafka_password": self.stack.secret(f"kafka.{user}"),
            "registry_url": self.stack.registry_url,
            "data": str(self.folder / role),
        }
        file.write_text(yaml.safe_dump(common | more), "utf-8")
        return file

    def hemis(self, *arguments: str, settings: Path) -> str:
        command = [sys.executable, "-m", "deploy.command", *arguments, "--settings", str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        command = [
            sys.executable,
            "-m",
            "deploy.command",
            "processor",
            "run",
            "matcher",
            "--settings",
            str(self.matcher),
        ]
        with (self.folder / "matcher.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
        try:
            yield
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def say(self, *claims: dict[str, Any]) -> None:
        for one in claims:
            key = one["person_key"].encode()
            raw = header(self.registry.id_of(subject("Claim"))) + codec(subject("Claim")).encode(one)
            self._producer.produce(CLAIMS.name, raw, key, partition_of(key, 4))
        assert self._producer.flush(10) == 0

    def candidates(self) -> list[tuple[str, str]]:
        lines = self.hemis("identity", "candidates", "--json", settings=self.operator).splitlines()
        return [(one["record_key"], one["other_record"]) for one in map(json.loads, lines)]


def test_candidates_are_found_decided_and_remembered_over_kills(stack: Stack, tmp_path: Path) -> None:
    place = Place(stack, tmp_path)
    with place.running():
        place.say(claim(A, 1, AN, f"i:{A}"), claim(B, 1, AN, f"i:{B}"))
        wait_until(lambda: place.candidates() == [(A, B)], "the two are candidates", timeout=90)
    with place.running():
        place.hemis("identity", "decide", "OTHER", A, B, settings=place.operator)
        wait_until(lambda: not place.candidates(), "the decision closes them", timeout=90)
    with place.running():
        place.say(
            claim(A, 2, AN | {"permanent_address": "xã Tân Bình"}, f"i:{A}"), claim("MAT-A/person/2", 1, AN, "i:2")
        )
        wait_until(
            lambda: place.candidates() == [(A, "MAT-A/person/2"), ("MAT-A/person/2", B)],
            "a third one is a candidate of both, and they of each other are not",
            timeout=90,
        )
