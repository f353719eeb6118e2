"""How much room the brokers' log folders have: librdkafka has no call for it, aiokafka's protocol is taught one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from deploy.quotas import with_client
from schemas.errors import HemisError
from schemas.settings import OperatorSettings


@dataclass(frozen=True)
class LogDir:
    """A log folder of a broker; bytes of its volume. `error`: Kafka's code, 0 if it is well."""

    broker: int
    total: int
    usable: int
    error: int = 0


def read(settings: OperatorSettings) -> list[LogDir]:
    """Every broker's log folders.

    Raises:
        HemisError E401, E403.
    """

    async def ask(client: AIOKafkaAdminClient) -> list[LogDir]:
        found = []
        for broker in client._client.cluster.brokers():
            answer = await client._send_request_to_node(broker.nodeId, DescribeLogDirsRequest())
            if answer.error_code:
                raise HemisError("E403", f"log folders: Kafka's error {answer.error_code}")
            for code, _, _, total, usable, _ in answer.results:
                found.append(LogDir(broker.nodeId, total, usable, code))
        return found

    return with_client(settings, ask)


class DescribeLogDirsResponse_v4(Response):
    API_KEY = 35
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "results",
            CompactArray(
                ("error_code", Int16),
                ("log_dir", CompactString("utf-8")),
                (
                    "topics",
                    CompactArray(
                        ("name", CompactString("utf-8")),
                        (
                            "partitions",
                            CompactArray(
                                ("partition_index", Int32),
                                ("partition_size", Int64),
                                ("offset_lag", Int64),
                                ("is_future_key", Boolean),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("total_bytes", Int64),
                ("usable_bytes", Int64),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeLogDirsRequest_v4(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 35
    API_VERSION = 4
    RESPONSE_TYPE = DescribeLogDirsResponse_v4
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeLogDirsRequest(Request[DescribeLogDirsRequest_v4]):
    """Of no topic: the volumes are told all the same, and an answer about thousands of partitions is spared."""

    API_KEY = 35

    def build(self, request_struct_class: type[Any]) -> Any:
        return request_struct_class([], {})
