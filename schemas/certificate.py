"""When certificates end: known from files and from what a broker presents, so that they are renewed before connections fail."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from prometheus_client.core import GaugeMetricFamily, Metric

from schemas.errors import HemisError
from schemas.metrics import declared
from schemas.settings import KafkaSettings

PATIENCE_SECONDS = 5.0
LOOK_SECONDS, RETRY_SECONDS = 3600.0, 60.0
_OUT_OF_DATE = {9, 10}
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def end_of(file: Path) -> float | None:
    """The Unix time at which the first certificate of a PEM file ends; None if it holds none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError):
        return None
    ends = [ssl.cert_time_to_seconds(str(found["notAfter"])) for found in context.get_ca_certs()]
    return float(min(ends)) if ends else None


def presented(address: str, authority: str = "", seconds: float = PATIENCE_SECONDS) -> float:
    """The Unix time at which the certificate ends that `host:port` presents. `authority`: as kafka_ca; empty: the system's.

    Raises:
        HemisError E401: no connection; E408: not trusted, or no TLS there; E409: it has ended, or has not begun.
    """
    host, _, port = address.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise HemisError("E408", "kafka_ca holds no certificate", file=authority) from error
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), seconds) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")) as connection,
        ):
            found = connection.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        code = "E409" if error.verify_code in _OUT_OF_DATE else "E408"
        raise HemisError(code, error.verify_message, broker=address) from error
    except ssl.SSLError as error:
        raise HemisError("E408", "no TLS there", broker=address) from error
    except (OSError, ValueError) as error:
        raise HemisError("E401", broker=address) from error
    return float(ssl.cert_time_to_seconds(str(found["notAfter"])))


class CertificateEnd:
    """hemis_certificate_end_timestamp_seconds: of the CA file, read at each scrape, so that a renewed file counts at once; and of
    what the broker presents, looked at beside the scrape, which never waits for a network.

    Of a certificate that can't be looked at any more the last known end is told: one that has ended must not fall silent.
    """

    def __init__(self, component: str, settings: KafkaSettings) -> None:
        self._component = component
        self._authority = settings.kafka_ca
        self._brokers = settings.kafka_bootstrap.split(",") if settings.kafka_security == "SASL_SSL" else []
        self._presented: float | None = None
        self._look_again = 0.0
        self._looking: Thread | None = None

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        metric = declared("hemis_certificate_end_timestamp_seconds")
        family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels)
        if self._authority and (end := end_of(Path(self._authority))) is not None:
            family.add_metric([self._component, "ca"], end)
        if self._brokers and not self._looking and time.monotonic() >= self._look_again:
            self._looking = Thread(target=self._look, name="certificate", daemon=True)
            self._looking.start()
        if self._presented is not None:
            family.add_metric([self._component, "broker"], self._presented)
        yield family

    def _look(self) -> None:
        ends = []
        for address in self._brokers:
            with suppress(HemisError):
                ends.append(presented(address.strip(), self._authority))
        if ends:
            self._presented = min(ends)
        self._look_again = time.monotonic() + (LOOK_SECONDS if ends else RETRY_SECONDS)
        self._looking = None
