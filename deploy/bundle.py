"""What a university is given: settings, secret, CA certificate, service unit, and a guide with its own names in it.

Everything is readable by its owner only. What is there and right stays as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml

from deploy.local.state import write_private
from deploy.provisioning import institution_user
from schemas.errors import HemisError
from schemas.settings import OperatorSettings
from schemas.topics import CHANGES, CONTROL, FINDINGS

PASSWORD_FILE = "kafka_password"
SETTINGS_FILE = "agent.yaml"
CA_FILE = "ca.crt"
UNIT_FILE = "hemis-agent.service"
GUIDES = {"GUIDE.md": "en.md", "HUONG-DAN.md": "vi.md"}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Bundle:
    """An institution's folder."""

    settings: OperatorSettings
    code: str
    folder: Path

    @property
    def password_file(self) -> Path:
        return self.folder / PASSWORD_FILE

    def password(self) -> str | None:
        """The secret that lies in the folder."""
        return self.password_file.read_text("utf-8").strip() if self.password_file.exists() else None

    def new_password(self) -> str:
        """Make a secret and write it in place of the one that is there."""
        password = secrets.token_urlsafe(24)
        write_private(self.password_file, password + "\n")
        return password

    def write(self) -> list[str]:
        """Write what is missing or differs, the secret excepted; names of what was written."""
        written = []
        for name, text in self._texts().items():
            file = self.folder / name
            if not file.exists() or (name != SETTINGS_FILE and file.read_text("utf-8") != text):
                write_private(file, text)
                written.append(name)
        return written

    def missing(self) -> Iterator[str]:
        """Names of what `write` would write for the first time, and the secret if there is none."""
        for name in (PASSWORD_FILE, *self._texts()):
            if not (self.folder / name).exists():
                yield name

    def _texts(self) -> dict[str, str]:
        texts = {SETTINGS_FILE: self._agent_settings()}
        if authority := self.settings.agent_ca or self.settings.kafka_ca:
            try:
                texts[CA_FILE] = Path(authority).read_text("utf-8")
            except OSError as error:
                raise HemisError("E201", "the CA file can't be read", file=authority) from error
        texts[UNIT_FILE] = (HERE / "systemd" / UNIT_FILE).read_text("utf-8")
        names = {
            "code": self.code,
            "user": institution_user(self.code),
            "bootstrap": self._bootstrap,
            "security": self._security,
            "registry": self._registry,
            "changes": CHANGES.name_for(self.code),
            "control": CONTROL.name_for(self.code),
            "findings": FINDINGS.name_for(self.code),
        }
        for name, source in GUIDES.items():
            texts[name] = Template((HERE / "guide" / source).read_text("utf-8")).substitute(names)
        return texts

    @property
    def _bootstrap(self) -> str:
        return self.settings.agent_bootstrap or self.settings.kafka_bootstrap

    @property
    def _security(self) -> str:
        return self.settings.agent_security or self.settings.kafka_security

    @property
    def _registry(self) -> str:
        return self.settings.agent_registry_url or self.settings.registry_url

    def _agent_settings(self) -> str:
        known = {
            "institution": self.code,
            "kafka_bootstrap": self._bootstrap,
            "kafka_security": self._security,
            "kafka_user": institution_user(self.code),
            "kafka_password_file": PASSWORD_FILE,
            "registry_url": self._registry,
            "mapping": "mapping.yaml",
            "source_dsn_file": "source_dsn",
            "data": "var",
        }
        if self.settings.agent_ca or self.settings.kafka_ca:
            known["kafka_ca"] = CA_FILE
        return f"# Agent of {self.code}; GUIDE.md, HUONG-DAN.md say what to do.\n" + yaml.safe_dump(
            known, sort_keys=False
        )
