"""An institution's quotas at the broker: how much it may write, fetch and ask for per second.

librdkafka has no call for them; the two requests go through aiokafka's protocol, which reads quotas and is taught here to set them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from deploy.kafka import TIMEOUT_SECONDS
from schemas.errors import HemisError
from schemas.settings import OperatorSettings

T = TypeVar("T")
EXACTLY = 0
"""Match type: this user and no other."""


@dataclass(frozen=True)
class Quotas:
    """None: no limit. Bytes are per second and broker; 100 percent is the whole time of one of the broker's threads."""

    produce_bytes: int | None = None
    fetch_bytes: int | None = None
    request_percent: float | None = None

    _NAMES: ClassVar[dict[str, str]] = {
        "produce_bytes": "producer_byte_rate",
        "fetch_bytes": "consumer_byte_rate",
        "request_percent": "request_percentage",
    }
    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {
        # Below, the largest event that the bus takes would wait for minutes.
        "produce_bytes": (65_536, 2**30),
        "fetch_bytes": (65_536, 2**30),
        "request_percent": (1, 10_000),
    }

    def __post_init__(self) -> None:
        for name, (least, most) in self.LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise HemisError("E708", f"{name} is from {least:g} to {most:g}", given=value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def entries(self) -> list[tuple[str, float | None]]:
        """By the broker's names."""
        return [(self._NAMES[f.name], getattr(self, f.name)) for f in fields(self)]

    @classmethod
    def of(cls, found: dict[str, float]) -> Quotas:
        values = {name: found.get(theirs) for name, theirs in cls._NAMES.items()}
        whole = {n: v if v is None or n == "request_percent" else int(v) for n, v in values.items()}
        return cls(**whole)  # type: ignore[arg-type]


def declared(settings: OperatorSettings) -> Quotas:
    """What an institution is given when it is taken up."""
    return Quotas(settings.quota_produce_bytes, settings.quota_fetch_bytes, settings.quota_request_percent)


def read(settings: OperatorSettings, users: list[str]) -> dict[str, Quotas]:
    """Each user's quotas.

    Raises:
        HemisError E401, E403.
    """

    async def ask(client: AIOKafkaAdminClient) -> dict[str, Quotas]:
        found = {}
        for user in users:
            answer = await client._send_to_controller(DescribeClientQuotasRequest([("user", EXACTLY, user)], True))
            _require(answer.error_code)
            [values] = [dict(pairs) for _, pairs in answer.entries or []] or [{}]
            found[user] = Quotas.of(values)
        return found

    return with_client(settings, ask)


def write(settings: OperatorSettings, user: str, quotas: Quotas | None) -> None:
    """Set a user's quotas; None takes all limits away.

    Raises:
        HemisError E401, E403.
    """

    async def ask(client: AIOKafkaAdminClient) -> None:
        operations = [(name, value or 0.0, value is None) for name, value in (quotas or Quotas()).entries()]
        answer = await client._send_to_controller(AlterClientQuotasRequest(user, operations))
        for code, *_ in answer.entries:
            _require(code)

    with_client(settings, ask)


def _require(code: int) -> None:
    if code:
        refused = code in (29, 31)  # TOPIC_ and CLUSTER_AUTHORIZATION_FAILED
        raise HemisError("E403" if refused else "E401", f"quotas: Kafka's error {code}")


def with_client(settings: OperatorSettings, act: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    """What an act with a client of aiokafka gives.

    Raises:
        HemisError E401.
    """

    async def run() -> T:
        tls = settings.kafka_security == "SASL_SSL"
        client = AIOKafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap,
            security_protocol=settings.kafka_security,
            ssl_context=ssl.create_default_context(cafile=settings.kafka_ca or None) if tls else None,
            sasl_mechanism=settings.kafka_mechanism,
            sasl_plain_username=settings.kafka_user,
            sasl_plain_password=settings.kafka_password.reveal(),
            request_timeout_ms=int(TIMEOUT_SECONDS * 1000),
        )
        try:
            await client.start()
            return await act(client)
        finally:
            await client.close()

    try:
        return asyncio.run(run())
    except KafkaError as error:
        raise HemisError("E401", type(error).__name__) from error


class AlterClientQuotasResponse_v0(Response):
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
            ),
        ),
    )


class AlterClientQuotasRequest_v0(RequestStruct):
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = AlterClientQuotasResponse_v0
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class AlterClientQuotasRequest(Request[AlterClientQuotasRequest_v0]):
    API_KEY = 49

    def __init__(self, user: str, operations: list[tuple[str, float, bool]]) -> None:
        self._user = user
        self._operations = operations

    def build(self, request_struct_class: type[AlterClientQuotasRequest_v0]) -> AlterClientQuotasRequest_v0:
        return request_struct_class([([("user", self._user)], self._operations)], False)
