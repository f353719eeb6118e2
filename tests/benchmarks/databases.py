"""Databases of a benchmark in the stack's two clusters."""

from typing import Literal

import psycopg
from psycopg import sql

from deploy.local.stack import Stack

Cluster = Literal["national", "universities"]


def fresh(stack: Stack, cluster: Cluster, name: str) -> str:
    """Make the database anew; returns the superuser's connection string. Slots on the old one must be gone."""
    with psycopg.connect(stack.dsn(cluster, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return stack.dsn(cluster, name)


def drop_slots(stack: Stack, database: str) -> None:
    """Drop the inactive replication slots of a database."""
    with psycopg.connect(stack.dsn("universities", "postgres"), autocommit=True) as connection:
        connection.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = %s and not active",
            [database],
        )


def service_groups(stack: Stack) -> dict[str, list[int]]:
    """The process groups of the stack's services."""
    names = {
        "postgres source": "postgres-universities",
        "postgres national": "postgres-national",
        "broker": "kafka",
        "registry": "registry",
    }
    return {group: [stack.pid(service)] for group, service in names.items()}
