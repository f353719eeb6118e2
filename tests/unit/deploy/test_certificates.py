"""The local stack's certificates, and what a client is told that may not trust the one it meets."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.certificates import BROKER_DAYS, Files, ensure
from deploy.local.state import State
from schemas.broker import untrusted
from schemas.certificate import CertificateEnd, end_of, presented
from schemas.errors import HemisError
from schemas.settings import KafkaSettings, Secret
from tests.support.waiting import wait_until

DAY = 86400.0


def made(home: Path, now: datetime | None = None, *names: str) -> Files:
    return ensure(State(home), now, *((names,) if names else ()))


@contextmanager
def serving(files: Files | None) -> Iterator[str]:
    """A server with this certificate; without one, it speaks no TLS."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if files:
        context.load_cert_chain(files.broker)

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, suppress(OSError):
                if files:
                    context.wrap_socket(plain, server_side=True).close()
                else:
                    plain.recv(1)
                    plain.sendall(b"no TLS here")

    thread = Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_keys_are_their_owners_only_and_nothing_is_made_twice(tmp_path: Path) -> None:
    files = made(tmp_path)
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "tls").iterdir()}
    assert modes == dict.fromkeys(("ca.crt", "ca.key", "broker.pem"), 0o600)
    before = files.broker.read_bytes()
    assert made(tmp_path).broker.read_bytes() == before


def test_what_ends_soon_is_made_anew_and_the_authority_stays(tmp_path: Path) -> None:
    files = made(tmp_path)
    authority, broker = files.authority.read_bytes(), files.broker.read_bytes()
    made(tmp_path, datetime.now(UTC) + timedelta(days=BROKER_DAYS - 20))
    assert files.authority.read_bytes() == authority
    assert files.broker.read_bytes() != broker
    made(tmp_path, datetime.now(UTC) + timedelta(days=3640))
    assert files.authority.read_bytes() != authority
    assert (end_of(files.authority) or 0) > time.time() + 7000 * DAY
    chain = files.broker.read_text("utf-8")
    assert files.authority.read_text("utf-8") in chain


def test_the_end_of_the_presented_certificate_is_told(tmp_path: Path) -> None:
    files = made(tmp_path)
    with serving(files) as address:
        end = presented(address, str(files.authority))
        assert (
            untrusted({"bootstrap.servers": f"127.0.0.1:1, {address}", "ssl.ca.location": str(files.authority)}) is None
        )
    assert end == pytest.approx(time.time() + BROKER_DAYS * DAY, abs=60)
    assert (end_of(files.authority) or 0) > end


Case = Callable[[Path], SimpleNamespace]


def _wrong_authority(home: Path) -> SimpleNamespace:
    return SimpleNamespace(served=made(home / "a"), trusted=made(home / "b").authority)


def _ended(home: Path) -> SimpleNamespace:
    files = made(home, datetime.now(UTC) - timedelta(days=BROKER_DAYS + 1))
    return SimpleNamespace(served=files, trusted=files.authority)


def _not_begun(home: Path) -> SimpleNamespace:
    files = made(home)
    files.broker.unlink()
    made(home, datetime.now(UTC) + timedelta(days=2))
    return SimpleNamespace(served=files, trusted=files.authority)


def _another_host(home: Path) -> SimpleNamespace:
    files = made(home, None, "broker.example")
    return SimpleNamespace(served=files, trusted=files.authority)


def _no_tls(home: Path) -> SimpleNamespace:
    return SimpleNamespace(served=None, trusted=made(home).authority)


def _no_certificate(home: Path) -> SimpleNamespace:
    (home / "empty.crt").write_text("nothing", "utf-8")
    return SimpleNamespace(served=made(home), trusted=home / "empty.crt")


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (_wrong_authority, "E408"),
        (_another_host, "E408"),
        (_no_tls, "E408"),
        (_no_certificate, "E408"),
        (_ended, "E409"),
        (_not_begun, "E409"),
    ],
)
def test_why_a_certificate_is_not_trusted(tmp_path: Path, case: Case, code: str) -> None:
    given = case(tmp_path)
    with serving(given.served) as address:
        with pytest.raises(HemisError, match=code):
            presented(address, str(given.trusted))
        told = untrusted({"bootstrap.servers": address, "ssl.ca.location": str(given.trusted)})
        assert told is not None
        assert told.code == code


def test_the_metric_follows_what_the_broker_presents_and_keeps_the_last_end(tmp_path: Path) -> None:
    files = made(tmp_path)
    registry = CollectorRegistry()

    def told() -> float | None:
        labels = {"component": "sink", "certificate": "broker"}
        return registry.get_sample_value("hemis_certificate_end_timestamp_seconds", labels)

    with serving(files) as address:
        certificates = CertificateEnd(
            "sink",
            KafkaSettings(
                kafka_bootstrap=f"127.0.0.1:1,{address}",
                kafka_user="",
                kafka_password=Secret(""),
                kafka_ca=str(files.authority),
                registry_url="",
            ),
        )
        registry.register(certificates)
        wait_until(lambda: told() is not None, "the broker's certificate is looked at")
        end = presented(address, str(files.authority))
    assert told() == end
    certificates._look()
    assert told() == end


def test_an_outage_is_not_taken_for_a_wrong_certificate(tmp_path: Path) -> None:
    with pytest.raises(HemisError, match="E401"):
        presented("127.0.0.1:1", str(made(tmp_path).authority))
    assert untrusted({"bootstrap.servers": "127.0.0.1:1"}) is None
