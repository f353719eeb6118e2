"""Settings: declared once per role as a dataclass; read from a YAML file, overridden by the environment.

A setting `kafka_bootstrap` is `kafka_bootstrap:` in the file and `HEMIS_KAFKA_BOOTSTRAP` in the environment. A secret is never
a value on a command line: it comes from the environment, the file, or from the file that `<name>_file` names. Paths in a file
begin at that file's folder.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from schemas.errors import HemisError

S = TypeVar("S")


class Secret(str):
    """Text that prints as `***`; `reveal` gives it to the one library that needs it."""

    def reveal(self) -> str:
        return str.__str__(self)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"


class FiledSecret(Secret):
    """A secret whose file `reveal` reads again: a new password counts from the next connection on, without a restart."""

    _file: Path

    @classmethod
    def of(cls, file: Path) -> FiledSecret:
        secret = cls(_secret_file(file))
        secret._file = file
        return secret

    def reveal(self) -> str:
        try:
            return self._file.read_text("utf-8").strip()
        except OSError:  # it is being replaced, or gone: what was read last may still be right
            return super().reveal()


def setting(doc: str, default: Any = MISSING, *, path: bool = False) -> Any:
    """One declared setting; without a default it is required. A path in a settings file begins at that file's folder."""
    metadata = {"doc": doc, "path": path}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    kafka_bootstrap: str = setting("Kafka bootstrap servers, host:port,…")
    kafka_user: str = setting("SCRAM user.")
    kafka_password: Secret = setting("SCRAM password.")
    kafka_security: str = setting("SASL_SSL or SASL_PLAINTEXT.", "SASL_SSL")
    kafka_ca: str = setting(
        "CA certificate file, for SASL_SSL; empty: the authorities that the system trusts.", "", path=True
    )
    registry_url: str = setting("Schema registry, Confluent API.")
    metrics_host: str = setting("Address of /metrics, /healthz and /readyz; they show no personal data.", "127.0.0.1")
    metrics_port: int = setting("Port of /metrics, /healthz and /readyz; 0 lets the system choose.", 0)
    data: str = setting("Folder for what must survive a restart.", "var", path=True)
    codes: str = setting(
        "Folder of imported code tables, read at the start before the shipped ones and the same for all; empty: none.",
        "",
        path=True,
    )

    def __post_init__(self) -> None:
        if self.kafka_security not in ("SASL_SSL", "SASL_PLAINTEXT"):
            raise HemisError("E201", "kafka_security is SASL_SSL or SASL_PLAINTEXT")

    def kafka(self, **more: object) -> dict[str, object]:
        """librdkafka configuration of this user.

        Raises:
            HemisError E201: the CA file is none.
        """
        config: dict[str, object] = {
            "bootstrap.servers": self.kafka_bootstrap,
            "security.protocol": self.kafka_security,
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.kafka_user,
            "sasl.password": self.kafka_password.reveal(),
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "topic.metadata.refresh.interval.ms": 30_000,
            "log_level": 0,
        }
        if self.kafka_security == "SASL_SSL" and self.kafka_ca:
            try:
                text = Path(self.kafka_ca).read_bytes()
            except OSError as error:
                raise HemisError("E201", "the CA file can't be read", file=self.kafka_ca) from error
            if b"-----BEGIN CERTIFICATE-----" not in text:
                raise HemisError("E201", "the CA file holds no certificate", file=self.kafka_ca)
            config["ssl.ca.location"] = self.kafka_ca
        return config | more


@dataclass(frozen=True, kw_only=True)
class AgentSettings(KafkaSettings):
    institution: str = setting("Institution code.")
    mapping: str = setting("Mapping file.", path=True)
    source_dsn: Secret = setting("libpq connection string of the source database.")
    slot: str = setting("Replication slot; the publication has the same name.", "hemis")
    clock_limit_seconds: float = setting(
        "Refuse to start if this machine's clock differs from the source's by more.", 30.0
    )
    chunk_rows: int = setting("Rows read per chunk of a first load or reload.", 20_000)
    buffer_bytes: int = setting("Cap on unacknowledged events held in memory.", 64 << 20)
    heartbeat_seconds: float = setting(
        "Interval of the logical heartbeat message, which lets an idle slot advance.", 10.0
    )
    canary_seconds: float = setting(
        "Interval of the canary, a heartbeat that travels as a record to the national database; 0: none.", 15.0
    )
    manifest_seconds: float = setting(
        "Interval of the manifest, the count of records that the tables give; 0: none.", 3600.0
    )


@dataclass(frozen=True, kw_only=True)
class ProcessorSettings(KafkaSettings):
    person_key_secret: Secret = setting("Secret of the keyed hash in person keys; the same for all workers.")
    partitions: int = setting("P: partitions of clean, golden and claims topics.", 4)
    session_timeout_seconds: float = setting("A worker that is silent for longer loses its institutions.", 10.0)
    refresh_seconds: float = setting("How often new institutions are looked for.", 30.0)
    fetch_records: int = setting("Records per unit of work at most.", 5000)
    ahead_seconds: float = setting(
        "An institution may be this much work ahead of sink and PEOPLE before it is paused.", 0.2
    )
    brake_share: float = setting(
        "CANCELs of more than this share of an institution's live records within the window are held.", 0.1
    )
    brake_least: int = setting("The brake never holds fewer CANCELs than this in a window.", 200)
    brake_window_seconds: float = setting("The brake's window, by time of change.", 600.0)


@dataclass(frozen=True, kw_only=True)
class NationalSettings:
    """What reads the national database only; a sink's or an operator's file does as well."""

    national_dsn: Secret = setting("SQLAlchemy URL of the national database.")


@dataclass(frozen=True, kw_only=True)
class BoardSettings(NationalSettings):
    """The quality board. Its database login is a member of hemis_board and of nothing else; it needs nothing of Kafka."""

    board_host: str = setting("Address that the board listens at.", "127.0.0.1")
    board_port: int = setting("Port that the board listens at.", 8470)
    board_url: str = setting(
        "Address as people reach it, https behind a proxy; empty: of board_host and board_port.", ""
    )
    board_proxies: str = setting("Addresses of proxies whose X-Forwarded-… headers are believed, by commas.", "")
    board_link_secret: Secret = setting(
        "Secret of the sign-in links that `hemis board link` prints; empty: there are none.", Secret("")
    )
    board_oidc_issuer: str = setting("OpenID Connect issuer; empty: nobody signs in that way.", "")
    board_oidc_client: str = setting("Client id at the issuer.", "")
    board_oidc_secret: Secret = setting("Client secret at the issuer.", Secret(""))
    board_oidc_role: str = setting("Claim that holds the role: operator, institution or reader.", "hemis_role")
    board_oidc_institution: str = setting("Claim that holds the code of the role institution.", "hemis_institution")
    board_session_minutes: float = setting("A session ends after this.", 480.0)
    board_idle_minutes: float = setting("A session ends after this without a click.", 60.0)
    board_live_limit: int = setting("Pages that are kept up to date at once; all others ask now and then.", 1000)
    board_requests_per_second: float = setting("Requests per second and visitor, six times as many at once.", 10.0)
    metrics_host: str = setting("Address of /metrics, /healthz and /readyz; they show no personal data.", "127.0.0.1")
    metrics_port: int = setting("Port of /metrics, /healthz and /readyz; 0 lets the system choose.", 0)


@dataclass(frozen=True, kw_only=True)
class BackupSettings(NationalSettings):
    """What is copied by `hemis backup`; a sink's or an operator's file does."""

    registry_url: str = setting("Schema registry, Confluent API.")


@dataclass(frozen=True, kw_only=True)
class SinkSettings(KafkaSettings, NationalSettings):
    batch_rows: int = setting("Rows per transaction at most.", 10_000)
    quality_seconds: float = setting("Interval of today's measures; 0: never. One sink at a time computes.", 300.0)
    set_rules_seconds: float = setting("Interval of the rules over sets; 0: never.", 900.0)
    touch_seconds: float = setting("Interval of orders to look again at what a day has made due; 0: never.", 60.0)
    touch_records: int = setting("Records of an institution that one interval's orders name at most.", 200)
    group: str = setting("Consumer group; its members share the partitions.", "hemis-sink")
    member: str = setting(
        "Name of this sink in its group, no other's: after a restart it has its partitions back at once. Empty: none.",
        "",
    )


@dataclass(frozen=True, kw_only=True)
class OperatorSettings(KafkaSettings):
    """What the ministry's operators need. `hemis institution add` needs a Kafka administrator, everything else the
    user hemis.operator.
    """

    kafka_mechanism: str = setting("SASL mechanism: SCRAM-SHA-512 or PLAIN.", "SCRAM-SHA-512")
    replication: int = setting("Replicas of an institution's topics.", 3)
    agent_bootstrap: str = setting("Kafka bootstrap servers as agents reach them; empty: kafka_bootstrap.", "")
    agent_security: str = setting("SASL_SSL or SASL_PLAINTEXT, for agents; empty: kafka_security.", "")
    agent_ca: str = setting("CA certificate file that agents are given; empty: kafka_ca.", "", path=True)
    agent_registry_url: str = setting("Schema registry as agents reach it; empty: registry_url.", "")
    quota_produce_bytes: int = setting(
        "Bytes per second that an institution taken up may write; 65536 to 1073741824.", 8 << 20
    )
    quota_fetch_bytes: int = setting(
        "Bytes per second that an institution taken up may read; 65536 to 1073741824.", 4 << 20
    )
    quota_request_percent: float = setting(
        "Share of one broker thread's time that the requests of an institution taken up may take; 1 to 10000.", 50.0
    )
    actor: str = setting("Who gives the orders, for the record; empty: the login name.", "")
    national_dsn: Secret = setting("SQLAlchemy URL of the national database, for waivers.", Secret(""))

    @property
    def who(self) -> str:
        """The person who acts, for the record."""
        return self.actor or getpass.getuser()

    def kafka(self, **more: object) -> dict[str, object]:
        return super().kafka(**{"sasl.mechanism": self.kafka_mechanism, **more})


ROLES: dict[str, type[Any]] = {
    "common": KafkaSettings,
    "national": NationalSettings,
    "backup": BackupSettings,
    "agent": AgentSettings,
    "processor": ProcessorSettings,
    "sink": SinkSettings,
    "board": BoardSettings,
    "operator": OperatorSettings,
}
"""Every settings class by role, for the reference page."""


def load(kind: type[S], file: Path | None = None, environment: Mapping[str, str] | None = None, **given: Any) -> S:
    """The settings of a role.

    Args:
        given: values that win over environment and file.

    Raises:
        HemisError E201: missing, unknown or of the wrong type.
    """
    environment = os.environ if environment is None else environment
    base = file.parent if file else Path()
    values: dict[str, Any] = {}
    if file:
        try:
            values = yaml.safe_load(file.read_text("utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise HemisError("E201", f"the settings file can't be read: {type(error).__name__}", file=file) from error
    declared = {f.name: f for f in fields(cast(Any, kind))}
    known = _known(set(declared))
    if unknown := [n for n in values if n not in known and n.removesuffix("_file") not in known]:
        raise HemisError("E201", f"unknown: {', '.join(sorted(unknown))}", file=file)
    for name, f in declared.items():
        if f.metadata["path"] and values.get(name):
            values[name] = str(base / str(values[name]))
        for key in (name, f"{name}_file"):
            if (text := environment.get(f"HEMIS_{key.upper()}")) is not None:
                values[key] = text
    out: dict[str, Any] = {}
    for name, f in declared.items():
        if name in given:
            out[name] = given[name]
        elif f"{name}_file" in values and name not in values:
            secret = FiledSecret.of(base / str(values[f"{name}_file"]))
            out[name] = secret if f.type == "Secret" else _typed(name, f.type, secret.reveal())
        elif name in values:
            out[name] = _typed(name, f.type, values[name])
        elif f.default is MISSING:
            raise HemisError("E201", f"missing: {name} (HEMIS_{name.upper()})")
    return kind(**out)


def _known(declared: set[str]) -> set[str]:
    """What may stand in a file: also what a role has besides that needs all of this one's."""
    roles = ({f.name for f in fields(kind)} for kind in ROLES.values())
    return declared.union(*(role for role in roles if declared <= role))


def _secret_file(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise HemisError("E201", "a secret file can't be read", file=path) from error


def _typed(name: str, kind: Any, value: Any) -> Any:
    try:
        match kind:
            case "int":
                return int(value)
            case "float":
                return float(value)
            case "Secret":
                return Secret(value)
            case _:
                return str(value)
    except (TypeError, ValueError) as error:
        raise HemisError("E201", f"{name} is not a {kind}") from error
