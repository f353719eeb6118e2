"""Health in one word, the age of canaries, the end of certificates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from schemas.certificate import CertificateEnd, end_of
from schemas.health import HealthServer, late
from schemas.metrics import STATUSES
from schemas.settings import KafkaSettings, Secret

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUfwccHFW0oBWA5GZumuBjkeqSEkUwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNaGVtaXMgdGVzdCBDQTAeFw0yNjExMjgxNTIwNTVaFw0zNjEx
MjUxNTIwNTVaMBgxFjAUBgNVBAMMDWhlbWlzIHRlc3QgQ0EwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAARGdfNjXYMj8TFaMKC3SbhuZRaCW2nCre1qJE70l6BacbxC
3Fn3hbNJh3/cqRvSVGSAn9XhyEup6PKdPRLBuipRo1MwUTAdBgNVHQ4EFgQUQzaS
lKASXeRrtXpiGJIIMfsHI3cwHwYDVR0jBBgwFoAUQzaSlKASXeRrtXpiGJIIMfsH
I3cwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiANXvzgHNoCKcPM
fH3Y21a455+hbGyxqrH/hj27FFViWgIhAOOD3g9nADYSeuX4Y3Cikz+UxDCuas8U
zCzYZi01ftTs
-----END CERTIFICATE-----
"""


def test_one_status_is_on_and_it_is_asked_at_the_scrape() -> None:
    registry, wrong = CollectorRegistry(), {"alive": {}, "ready": {}}  # type: ignore[var-annotated]
    server = HealthServer(
        0,
        registry,
        component="sink",
        instance="one",
        alive=lambda: wrong["alive"],
        ready=lambda: wrong["alive"] | wrong["ready"],
    )

    def on() -> list[str]:
        labels = {"component": "sink", "instance": "one"}
        return [s for s in STATUSES if registry.get_sample_value("hemis_health", labels | {"status": s})]

    try:
        assert on() == ["healthy"]
        wrong["ready"] = {"trouble": "E501"}
        assert on() == ["unready"]
        wrong["alive"] = {"loop": "stands still"}
        assert on() == ["dead"]
    finally:
        server.close()


def test_a_canary_is_late_after_four_that_did_not_come() -> None:
    assert late(None, 1000.0, 15.0) == {}
    assert late(941.0, 1000.0, 15.0) == {}
    assert late(939.0, 1000.0, 15.0) == {"canary": "the newest is 61 s old"}


def test_the_end_of_a_certificate_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    assert end_of(file) is None
    file.write_text("no certificate", "utf-8")
    assert end_of(file) is None
    file.write_text(CERTIFICATE, "utf-8")
    assert end_of(file) == datetime(2036, 11, 25, 15, 20, 55, tzinfo=UTC).timestamp()
    registry = CollectorRegistry()
    settings = KafkaSettings(
        kafka_bootstrap="",
        kafka_user="",
        kafka_password=Secret(""),
        registry_url="",
        kafka_security="SASL_PLAINTEXT",
        kafka_ca=str(file),
    )
    registry.register(CertificateEnd("sink", settings))
    labels = {"component": "sink", "certificate": "ca"}
    assert registry.get_sample_value("hemis_certificate_end_timestamp_seconds", labels) == end_of(file)
