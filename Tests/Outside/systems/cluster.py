"""A Redis Cluster of three primaries, for the systems that can live in one."""

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator

import redis
from redis.cluster import ClusterNode, RedisCluster

from instance import Failed, Process, eventually, free_port


def _is_ready(port: int) -> bool:
    """Whether a node serves all slots."""
    with contextlib.suppress(redis.RedisError):
        with redis.Redis(port=port) as node:
            return node.cluster("INFO")["cluster_state"] == "ok"
    return False


def _answers(port: int) -> bool:
    """Whether a node is there."""
    with contextlib.suppress(redis.RedisError):
        with redis.Redis(port=port) as node:
            return node.ping()
    return False


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[RedisCluster]:
    """The cluster for the body."""
    ports, nodes = [free_port() for _ in range(3)], []
    try:
        for port in ports:
            home = folder / str(port)
            home.mkdir()
            nodes.append(Process(
                ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--cluster-port", str(free_port()),
                 "--dir", str(home), "--save", "", "--cluster-enabled", "yes"], home / "redis.log"))
        for port in ports:
            eventually(f"the node at {port} answers", lambda port=port: _answers(port), 10)
        made = subprocess.run(
            ["redis-cli", "--cluster", "create", *(f"127.0.0.1:{port}" for port in ports), "--cluster-yes"],
            capture_output=True, text=True, check=False, timeout=60)
        if made.returncode != 0:
            raise Failed(f"redis-cli --cluster create: {made.stdout}{made.stderr}")
        for port in ports:
            eventually(f"the node at {port} knows all slots", lambda port=port: _is_ready(port))
        with RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", port) for port in ports]) as client:
            yield client
    finally:
        for node in nodes:
            node.kill()
