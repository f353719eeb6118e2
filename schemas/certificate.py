"""When certificates end: known from files and from what a broker presents, so that they are renewed before connections fail."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric

from schemas.errors import HemisError
from schemas.metrics import declared

PATIENCE_SECONDS = 5.0
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
    """hemis_certificate_end_timestamp_seconds of a process's CA file, read at each scrape: a renewed file counts at once."""

    def __init__(self, component: str, file: str) -> None:
        self._component = component
        self._file = file

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        metric = declared("hemis_certificate_end_timestamp_seconds")
        family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels)
        if self._file and (end := end_of(Path(self._file))) is not None:
            family.add_metric([self._component], end)
        yield family
