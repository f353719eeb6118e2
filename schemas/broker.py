"""Why a broker does not let a client in.

librdkafka's calls only run out of time then; the reason arrives at the client's error callback, by code. Of TLS the code says
no more than that it failed, so the broker's certificate is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from schemas.certificate import presented
from schemas.errors import HemisError

REFUSALS: dict[int, str] = {
    KafkaError._AUTHENTICATION: "E402",
    KafkaError.SASL_AUTHENTICATION_FAILED: "E402",
    KafkaError._SSL: "E408",
}


def refusal(error: KafkaError, config: Mapping[str, Any]) -> HemisError | None:
    """The reason, if this error tells one: E402, E408, E409; None for what may just be an outage."""
    code = REFUSALS.get(error.code())
    if code == "E408":
        return untrusted(config)
    return HemisError(code) if code else None


def untrusted(config: Mapping[str, Any]) -> HemisError | None:
    """E408 or E409 if one of the configured brokers presents a certificate that this client may not trust."""
    for address in str(config["bootstrap.servers"]).split(","):
        try:
            presented(address.strip(), str(config.get("ssl.ca.location", "")))
        except HemisError as error:
            if error.code != "E401":
                return error
    return None
