"""The peer's connectors: the settings that its own documentation and a sweep on this kind of machine call best."""

from dataclasses import dataclass
from typing import Literal

from tests.benchmarks.peer.plugins import AVRO_CONVERTER

Mode = Literal["json_tuned", "avro_tuned", "avro_low_latency"]

JSON = {f"{part}.converter": "org.apache.kafka.connect.json.JsonConverter" for part in ("key", "value")}

SOURCE_TUNED = {
    "max.batch.size": "8192",
    "max.queue.size": "32768",
    "poll.interval.ms": "10",
    "snapshot.fetch.size": "20000",
    "snapshot.max.threads": "2",
    # The only precision with which every mode of the sink writes into a date column.
    "time.precision.mode": "connect",
    "topic.creation.default.replication.factor": "1",
    "topic.creation.default.partitions": "4",
    "producer.override.linger.ms": "5",
    "producer.override.batch.size": "262144",
    "producer.override.compression.type": "lz4",
    "producer.override.buffer.memory": "67108864",
}
SINK_TASKS = 2
SINK_TUNED = {
    "tasks.max": str(SINK_TASKS),
    "batch.size": "5000",
    "use.reduction.buffer": "true",
    "dialect.postgres.unnest.insert.enabled": "true",
    "consumer.override.max.poll.records": "5000",
    "consumer.override.max.partition.fetch.bytes": "16777216",
    "consumer.override.fetch.max.bytes": "67108864",
    "consumer.override.session.timeout.ms": "10000",
    "consumer.override.heartbeat.interval.ms": "3000",
}


@dataclass(frozen=True)
class Database:
    """Where a connector finds a database."""

    host: str
    port: int
    name: str
    user: str
    password: str


def topics(prefix: str, tables: tuple[str, ...]) -> list[str]:
    """The topics that a source fills."""
    return [f"{prefix}.public.{table}" for table in tables]


def source(mode: Mode, prefix: str, database: Database, tables: tuple[str, ...], registry: str) -> dict[str, str]:
    """A source over the tables; slot and publication are named as the prefix."""
    low_latency = {"poll.interval.ms": "1", "producer.override.linger.ms": "0"} if mode == "avro_low_latency" else {}
    names = {} if mode == "json_tuned" else {"schema.name.adjustment.mode": "avro"}
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": database.host,
        "database.port": str(database.port),
        "database.user": database.user,
        "database.password": database.password,
        "database.dbname": database.name,
        "topic.prefix": prefix,
        "plugin.name": "pgoutput",
        "slot.name": prefix,
        "publication.name": prefix,
        "publication.autocreate.mode": "filtered",
        "table.include.list": ",".join(f"public.{table}" for table in tables),
        **_converter(mode, registry),
        **SOURCE_TUNED,
        **names,
        **low_latency,
    }


def sink(
    mode: Mode, prefixes: tuple[str, ...], database: Database, tables: tuple[str, ...], registry: str
) -> dict[str, str]:
    """A sink that upserts by primary key into tables of the source tables' names."""
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "connection.url": f"jdbc:postgresql://{database.host}:{database.port}/{database.name}?reWriteBatchedInserts=true",
        "connection.username": database.user,
        "connection.password": database.password,
        "topics": ",".join(topic for prefix in prefixes for topic in topics(prefix, tables)),
        "collection.name.format": "${source.table}",
        "insert.mode": "upsert",
        "primary.key.mode": "record_key",
        "delete.enabled": "true",
        "schema.evolution": "none",
        **_converter(mode, registry),
        **SINK_TUNED,
    }


def _converter(mode: Mode, registry: str) -> dict[str, str]:
    """`registry` is the stack's registry by its Confluent address; the converter speaks Apicurio's second interface."""
    if mode == "json_tuned":
        return JSON
    settings = {
        "": AVRO_CONVERTER,
        ".apicurio.registry.url": registry.partition("/apis/")[0] + "/apis/registry/v2",
        ".apicurio.registry.auto-register": "true",
        ".apicurio.registry.find-latest": "true",
    }
    return {f"{part}.converter{name}": value for part in ("key", "value") for name, value in settings.items()}
