"""A single server, or three primaries of a cluster, with the same interface."""

import binascii
import contextlib
import time
from collections.abc import Iterable, Iterator

import redis

import measure
import processes

SLOTS = 16_384
PRIMARIES = 3
READY_SECONDS = 20


class Servers:
    """Servers that share all slots evenly, in their order."""

    def __init__(self, clients: list[redis.Redis]) -> None:
        self.clients = clients

    @property
    def url(self) -> str:
        """The URL for Curfew."""
        places = [f"127.0.0.1:{client.connection_pool.connection_kwargs['port']}" for client in self.clients]
        return f"redis+cluster://{','.join(places)}" if len(places) > 1 else f"redis://{places[0]}/0"

    def holder(self, key: str) -> redis.Redis:
        """The server that has a key."""
        _, brace, rest = key.partition("{")
        tag, close, _ = rest.partition("}")
        slot = binascii.crc_hqx((tag if brace and close and tag else key).encode(), 0) % SLOTS
        return self.clients[slot * len(self.clients) // SLOTS]

    def by_holder(self, keys: Iterable[str]) -> list[tuple[redis.Redis, list[str]]]:
        """The keys of each server."""
        parts: dict[int, tuple[redis.Redis, list[str]]] = {id(client): (client, []) for client in self.clients}
        for key in keys:
            parts[id(self.holder(key))][1].append(key)
        return list(parts.values())

    def cpu_seconds(self) -> list[float]:
        """The CPU seconds of each server so far."""
        return [measure.redis_cpu(client) for client in self.clients]

    def each(self, *command: object) -> list:
        """Sends a command to each."""
        return [client.execute_command(*command) for client in self.clients]


@contextlib.contextmanager
def private_cluster() -> Iterator[Servers]:
    """Three primaries on free loopback ports, without replicas and persistence; removed afterwards."""
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(processes.private_redis(
                "--cluster-enabled", "yes", "--cluster-port", str(processes.free_port())))
            for _ in range(PRIMARIES)
        ]
        for number, client in enumerate(clients):
            first, end = (-(-SLOTS * edge // PRIMARIES) for edge in (number, number + 1))
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for client in clients[1:]:
            place = client.connection_pool.connection_kwargs
            bus = client.config_get("cluster-port")["cluster-port"]
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", place["port"], bus)
        end = time.monotonic() + READY_SECONDS
        while not all(is_serving(client) for client in clients):
            if time.monotonic() > end:
                raise processes.ChildFailed("the cluster did not come about")
            time.sleep(0.05)
        yield Servers(clients)


def is_serving(client: redis.Redis) -> bool:
    """Whether a node knows that all slots are served, by all nodes."""
    info = client.execute_command("CLUSTER", "INFO")
    text = info if isinstance(info, dict) else dict(line.split(":", 1) for line in info.decode().split("\r\n") if line)
    return text["cluster_state"] == "ok" and text["cluster_size"] == str(PRIMARIES)
