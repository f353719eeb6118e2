"""When a certificate ends: known from its file, so that it is renewed before connections fail."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric

from schemas.metrics import declared


def end_of(file: Path) -> float | None:
    """The Unix time at which the first certificate of a PEM file ends; None if it holds none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError):
        return None
    ends = [ssl.cert_time_to_seconds(str(found["notAfter"])) for found in context.get_ca_certs()]
    return float(min(ends)) if ends else None


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
