"""Ports of a stack: one block, free on the loopback address, remembered with the stack."""

import random
import socket

from deploy.local.errors import StackError

HOST = "127.0.0.1"
"""Never "localhost", which may mean ::1 first."""

NAMES = (
    "kafka",
    "kafka-internal",
    "kafka-controller",
    "registry",
    "registry-management",
    "postgres-national",
    "postgres-universities",
)

# Below the range from which systems take the ports of outgoing connections.
LOWEST, HIGHEST = 20_000, 32_000
TRIES = 200


def block(base: int) -> dict[str, int]:
    """The ports of a stack whose first port is `base`."""
    return {name: base + place for place, name in enumerate(NAMES)}


def taken(ports: dict[str, int]) -> list[str]:
    """The names of those ports that another program uses."""
    return [name for name, port in ports.items() if not _free(port)]


def free_block() -> dict[str, int]:
    """A block of free ports. Drawn by lot, so that stacks that start together rarely want the same one."""
    for _ in range(TRIES):
        ports = block(random.randrange(LOWEST, HIGHEST, 10))
        if not taken(ports):
            return ports
    raise StackError("no block of free ports found", "give a base port of your own")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
