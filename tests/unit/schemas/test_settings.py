"""Settings: file, environment, secrets, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from schemas.errors import HemisError
from schemas.settings import ROLES, AgentSettings, KafkaSettings, OperatorSettings, Secret, SinkSettings, load

COMMON = {
    "HEMIS_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "HEMIS_KAFKA_USER": "u",
    "HEMIS_KAFKA_PASSWORD": "very secret",
    "HEMIS_REGISTRY_URL": "http://127.0.0.1:8081",
}


@pytest.mark.parametrize(
    "show",
    [str, repr, "{}".format, "{!r:>5}".format, lambda one: f"{one}", lambda one: f"{one!s}"],
)
def test_a_secret_is_never_printed(show: Callable[[object], str]) -> None:
    settings = load(KafkaSettings, None, COMMON)
    assert "very secret" not in show(settings.kafka_password)
    assert "very secret" not in show(settings)
    assert settings.kafka_password.reveal() == "very secret"


def test_what_a_library_gets_is_plain_text() -> None:
    password = load(KafkaSettings, None, COMMON).kafka()["sasl.password"]
    assert type(password) is str
    assert password == "very secret"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("kafka_user: from file\ndata: kept\nmetrics_port: 7\n", "utf-8")
    settings = load(KafkaSettings, file, COMMON | {"HEMIS_METRICS_PORT": "8"})
    assert (settings.kafka_user, settings.metrics_port) == ("u", 8)


def test_a_path_in_a_file_begins_at_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("data: kept\nkafka_ca: /etc/ca.crt\n", "utf-8")
    settings = load(KafkaSettings, file, COMMON)
    assert (settings.data, settings.kafka_ca, settings.codes) == (str(tmp_path / "kept"), "/etc/ca.crt", "")
    assert load(KafkaSettings, file, COMMON | {"HEMIS_DATA": "here"}).data == "here"


def test_a_secret_file_is_read_again(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("first\n", "utf-8")
    settings = load(KafkaSettings, None, {**COMMON, "HEMIS_KAFKA_PASSWORD_FILE": str(password)} | {})
    assert settings.kafka()["sasl.password"] == "very secret", "the value itself wins over the file"
    without = {name: value for name, value in COMMON.items() if name != "HEMIS_KAFKA_PASSWORD"}
    settings = load(KafkaSettings, None, without | {"HEMIS_KAFKA_PASSWORD_FILE": str(password)})
    assert settings.kafka()["sasl.password"] == "first"
    password.write_text("second\n", "utf-8")
    assert settings.kafka()["sasl.password"] == "second"
    password.unlink()
    assert settings.kafka()["sasl.password"] == "first"
    assert "first" not in f"{settings} {settings.kafka_password!r}"


def test_the_transport_is_tls_unless_said_otherwise(tmp_path: Path) -> None:
    assert load(KafkaSettings, None, COMMON).kafka()["security.protocol"] == "SASL_SSL"
    plain = load(KafkaSettings, None, COMMON | {"HEMIS_KAFKA_SECURITY": "SASL_PLAINTEXT", "HEMIS_KAFKA_CA": "none"})
    assert "ssl.ca.location" not in plain.kafka()
    with pytest.raises(HemisError, match="kafka_security is"):
        load(KafkaSettings, None, COMMON | {"HEMIS_KAFKA_SECURITY": "TLS"})
    with pytest.raises(HemisError, match="CA file can't be read"):
        load(KafkaSettings, None, COMMON | {"HEMIS_KAFKA_CA": str(tmp_path / "none.crt")}).kafka()
    (tmp_path / "empty.crt").touch()
    with pytest.raises(HemisError, match="holds no certificate"):
        load(KafkaSettings, None, COMMON | {"HEMIS_KAFKA_CA": str(tmp_path / "empty.crt")}).kafka()


def test_what_is_given_wins_over_all() -> None:
    assert load(KafkaSettings, None, COMMON, kafka_user="given").kafka_user == "given"


def test_a_secret_file_lies_beside_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from its file\n", "utf-8")
    file = tmp_path / "settings.yaml"
    file.write_text("kafka_password_file: password\n", "utf-8")
    environment = {name: value for name, value in COMMON.items() if name != "HEMIS_KAFKA_PASSWORD"}
    assert load(KafkaSettings, file, environment).kafka_password.reveal() == "from its file"


@pytest.mark.parametrize(
    ("text", "environment", "named"),
    [
        ("", {}, "kafka_bootstrap"),
        ("kafka_bootstap: typo\n", COMMON, "kafka_bootstap"),
        ("metrics_port: many\n", COMMON, "metrics_port"),
        ("metrics_port: [1]\n", COMMON, "metrics_port"),
        ("kafka_password_file: nowhere\n", {k: v for k, v in COMMON.items() if "PASSWORD" not in k}, "secret file"),
        ("a: b: c\n", COMMON, "can't be read"),
        ("{", COMMON, "can't be read"),
    ],
)
def test_e201_names_what_is_wrong(tmp_path: Path, text: str, environment: dict[str, str], named: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(HemisError) as refused:
        load(KafkaSettings, file, environment)
    assert refused.value.code == "E201"
    assert named in refused.value.screen()
    assert "very secret" not in refused.value.screen("vi")


def test_a_missing_file_is_e201(tmp_path: Path) -> None:
    with pytest.raises(HemisError) as refused:
        load(KafkaSettings, tmp_path / "none.yaml", COMMON)
    assert refused.value.code == "E201"


def test_numbers_have_their_types() -> None:
    more = {"HEMIS_INSTITUTION": "DHA", "HEMIS_MAPPING": "m", "HEMIS_SOURCE_DSN": "d", "HEMIS_CHUNK_ROWS": "10"}
    settings = load(AgentSettings, None, COMMON | more | {"HEMIS_HEARTBEAT_SECONDS": "2.5"})
    assert (settings.chunk_rows, settings.heartbeat_seconds) == (10, 2.5)
    assert isinstance(settings.source_dsn, Secret)


def test_an_operator_may_use_another_mechanism() -> None:
    plain = load(OperatorSettings, None, COMMON | {"HEMIS_KAFKA_MECHANISM": "PLAIN"})
    assert plain.kafka()["sasl.mechanism"] == "PLAIN"
    assert (
        load(OperatorSettings, None, COMMON).kafka(x=1).items() >= {"sasl.mechanism": "SCRAM-SHA-512", "x": 1}.items()
    )


@pytest.mark.parametrize("kind", ROLES.values(), ids=ROLES)
def test_every_setting_says_what_it_means(kind: type[KafkaSettings]) -> None:
    assert all(f.metadata["doc"].endswith((".", "…")) for f in fields(kind))


def test_serialised_settings_hold_no_secret_by_accident() -> None:
    """json writes a str subclass by its content; whoever serialises settings must leave secrets out, as here."""
    settings = load(SinkSettings, None, COMMON | {"HEMIS_NATIONAL_DSN": "dsn secret"})
    plain = {name: value for name, value in asdict(settings).items() if not isinstance(value, Secret)}
    assert "secret" not in json.dumps(plain)
