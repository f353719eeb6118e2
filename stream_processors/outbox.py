"""Outputs of a unit of work: whole producer batches per partition, acknowledged together; sent only while the lease holds.

**Lease**: a worker that was frozen past its session time-out no longer owns its institutions when it wakes. The last step
before the socket asks the lease, so that what it had prepared is dropped, not written over its successor's work (P3). The
lease runs from the last heartbeat that the broker answered, not from when the writing begins: a worker may have been frozen
before that, while it decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender, SendProduceReqHandler
from aiokafka.protocol.produce import ProduceRequest

from schemas.errors import HemisError

Message = tuple[bytes, bytes | None]
Output = Message | tuple[bytes, bytes | None, tuple[str, bytes]]
"""A message, perhaps with a header."""
Outputs = dict[tuple[str, int], list[Output]]
"""Messages by topic and partition, in the order in which they are to lie there."""


WHOLE_BYTES = 8 << 20
"""A changelog's batch; its topic takes a little more (`schemas.topics`)."""


class LeaseLost(KafkaError):
    """No heartbeat was answered for too long, or the membership changed meanwhile: nothing more of the unit is sent."""


class SendFailed(HemisError):
    """The broker did not acknowledge; the unit of work is done again."""

    def __init__(self, detail: str) -> None:
        super().__init__("E407", detail)


class Sent(NamedTuple):
    """Where the last message of a partition's batch lies."""

    last_offset: int


class Lease:
    """Whether the unit of work under way may write."""

    def __init__(self) -> None:
        self._member: Callable[[], bool] = lambda: True

    def take(self, member: Callable[[], bool]) -> None:
        self._member = member

    def release(self) -> None:
        self._member = lambda: True

    @property
    def holds(self) -> bool:
        return self._member()


class LeasedSender(Sender):
    """aiokafka's sender, which asks the lease right before a request is written."""

    lease: Lease

    @classmethod
    def in_place_of(cls, sender: Any, lease: Lease) -> LeasedSender:
        """A sender with the same settings, for a producer that has not started yet."""
        made = cls(
            sender.client,
            acks=sender._acks,
            txn_manager=sender._txn_manager,
            message_accumulator=sender._message_accumulator,
            retry_backoff_ms=int(sender._retry_backoff * 1000),
            request_timeout_ms=sender._request_timeout_ms,
        )
        made.lease = lease
        return made

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        await _Handler(self, batches).do(node_id)
        self._in_flight.remove(node_id)
        for tp in batches:
            self._muted_partitions.remove(tp)


class _LeasedRequest(ProduceRequest):
    """Asks the lease once the connection stands, as the last thing before it is encoded and written."""

    lease: Lease

    def prepare(self, versions: Any) -> Any:
        if not self.lease.holds:
            raise LeaseLost
        return super().prepare(versions)


class _Handler(SendProduceReqHandler):
    def create_request(self) -> Any:
        # Its class is changed, not its method: a request that refers to itself is megabytes that only the garbage collector frees.
        request = super().create_request()
        request.__class__, request.lease = _LeasedRequest, self._sender.lease
        return request


class Outbox:
    """Sends outputs through the app's producer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def send(
        self, outputs: Mapping[tuple[str, int], Sequence[Output]], *, whole: bool = False
    ) -> dict[tuple[str, int], Sent]:
        """Write every message and wait until the broker has acknowledged all. `whole`: each partition's in one batch, as far as
        `WHOLE_BYTES` go.

        Raises:
            SendFailed: not acknowledged; some may be written. LeaseLost: the lease ended; the rest is not written.
        """
        if not outputs:
            return {}
        producer = self._app.producer._ensure_producer()
        try:
            sent = await asyncio.gather(
                *(self._partition(producer, tp, messages, whole) for tp, messages in outputs.items())
            )
        except LeaseLost:
            raise
        except (KafkaError, TimeoutError) as error:
            if producer._sender.sender_task.done():
                # It refuses everything from now on: a new process is better than trying for ever.
                raise RuntimeError("the producer has ended") from error
            raise SendFailed(type(error).__name__) from error
        return dict(zip(outputs, sent, strict=True))

    async def _partition(self, producer: Any, tp: tuple[str, int], messages: Sequence[Output], whole: bool) -> Sent:
        create = partial(_large_batch, producer) if whole else producer.create_batch
        futures, builder, count = [], create(), 0
        for key, value, *headers in messages:
            if builder.append(key=key, value=value, timestamp=None, headers=headers) is None:
                futures.append(await producer.send_batch(builder, tp[0], partition=tp[1]))
                builder, count = create(), 0
                builder.append(key=key, value=value, timestamp=None, headers=headers)
            count += 1
        futures.append(await producer.send_batch(builder, tp[0], partition=tp[1]))
        results = await asyncio.gather(*futures)
        return Sent(results[-1].offset + count - 1)


def _large_batch(producer: Any) -> BatchBuilder:
    return BatchBuilder(WHOLE_BYTES, producer._message_accumulator._compression_type)
