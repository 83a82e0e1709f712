"""A fleet: real workers, and beyond those many light clients from a few processes. All end with the benchmark."""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import subprocess
import time
from collections.abc import Callable, Iterator

import redis

import coordination
import processes
import workload

BOUND_SECONDS = 120  # for one configuration
STOP_SECONDS = 20
LEASE_MS = 15_000
HOUR_MS = 3_600_000

# Cleanups that have nothing to do: what is measured is how instances share them.
CONFIGURATION = """\
redis: redis://127.0.0.1:{port}/0
worker: {{lease: {lease}ms, heartbeat: {heartbeat}ms, concurrency: {places}}}
log: {{level: warning}}
cleanups:
"""
CLEANUP = """\
  {name}: {{policy: locks, every: {every}ms, records: "{name}:<id>", index: "{name}", since: [at], timeout: 3h}}
"""


def be_instance() -> None:
    """Runs in the child: instances make way for Redis and the probe, since elsewhere they run on other machines."""
    processes.die_with_parent()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@dataclasses.dataclass(frozen=True)
class Shape:
    """How many instances share how many cleanups."""

    instances: int
    cleanups: int
    every_ms: int = HOUR_MS
    places: int = 4
    heartbeat_ms: int = 10_000

    @property
    def names(self) -> list[str]:
        """The names of the cleanups."""
        return [f"locks-{number:05}" for number in range(self.cleanups)]

    @property
    def title(self) -> str:
        """The shape in words."""
        return f"{self.instances:,} × {self.cleanups:,}"


class Fleet:
    """Instances that work, on a server that was emptied for them."""

    def __init__(
        self, client: redis.Redis, curfew: pathlib.Path, folder: pathlib.Path, shape: Shape, *, is_equal: bool,
    ) -> None:
        self.client, self.shape, self.folder = client, shape, folder
        self.end = time.monotonic() + BOUND_SECONDS
        self.port = client.connection_pool.connection_kwargs["port"]
        self.configuration = folder / f"{shape.instances}-{shape.cleanups}.yaml"
        self.command = [str(curfew.absolute()), "work", "--config", str(self.configuration)]
        self.prepare = processes.die_with_parent if is_equal else be_instance
        self.workers: list[subprocess.Popen] = []
        self.ended: set[int] = set()  # what a measurement ends by itself
        self.light: list[subprocess.Popen] = []

    def write_configuration(self, more: str = "") -> None:
        """Writes the file that all of them have."""
        shape = self.shape
        head = CONFIGURATION.format(
            port=self.port, lease=LEASE_MS, heartbeat=shape.heartbeat_ms, places=shape.places)
        cleanups = [CLEANUP.format(name=name, every=shape.every_ms) for name in shape.names]
        self.configuration.write_text(head + "".join(cleanups) + more)

    def until(self, holds: Callable[[], bool], what: str, *, pause: float = 0.1) -> None:
        """Returns when something holds; raises where that takes longer than a configuration may take."""
        while not holds():
            if time.monotonic() > self.end:
                raise processes.ChildFailed(f"{self.shape.title}: {what}: not within {BOUND_SECONDS} s")
            for worker in self.workers:
                if worker.poll() is not None and worker.pid not in self.ended:
                    raise processes.ChildFailed(f"a worker ended with {worker.returncode}\n{self.log(worker)[-2_000:]}")
            time.sleep(pause)

    def log(self, worker: subprocess.Popen) -> str:
        """What a worker has said."""
        return self.log_of(self.workers.index(worker)).read_text()

    def log_of(self, number: int) -> pathlib.Path:
        """The log of one worker."""
        return self.folder / f"worker-{number}.log"

    def start_worker(self) -> None:
        """Starts a real one."""
        with self.log_of(len(self.workers)).open("wb") as output:
            self.workers.append(subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=self.prepare))

    def start_light(self, count: int, parts: int, spread: float) -> None:
        """Starts light clients, and waits until each has had a tick."""
        instance = self.client.zrange(coordination.INSTANCES, 0, 0)[0].decode()
        mates = next(self.client.scan_iter(coordination.MATES + "*"), b"")
        common = coordination.Fleet(
            version=coordination.version(self.client.execute_command("FUNCTION", "LIST", "LIBRARYNAME", "curfew_*")),
            config=self.client.hget(coordination.key("instance", instance), "config").decode(),
            registration=mates.decode().removeprefix(coordination.MATES), policy="locks", cleanups=self.shape.names,
            every_ms=self.shape.every_ms, lease_ms=LEASE_MS,
            heartbeat_ms=self.shape.heartbeat_ms, places=self.shape.places)
        path = self.folder / "light.json"
        path.write_text(json.dumps(dataclasses.asdict(common)))
        edges = [count * part // parts for part in range(parts + 1)]
        for number, (first, last) in enumerate(zip(edges, edges[1:])):
            command = processes.python("light.py", self.port, first, last - first, spread, path)
            with (self.folder / f"light-{number}.log").open("wb") as errors:
                self.light.append(subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    preexec_fn=self.prepare))
        for number, part in enumerate(self.light):
            left = max(0, self.end - time.monotonic())
            if not select.select([part.stdout], [], [], left)[0] or part.stdout.readline() != b"ready\n":
                said = (self.folder / f"light-{number}.log").read_text()[-2_000:]
                raise processes.ChildFailed(f"{self.shape.title}: light clients without a first tick\n{said}")

    def is_quiet(self) -> bool:
        """Whether every cleanup has run, and none of them is due or runs."""
        names, client = self.shape.names, self.client
        if client.xlen(coordination.RUNS) < len(names):
            return False
        leases = client.exists(*(coordination.key("lease", name) for name in names))
        return leases == 0 and client.zcount(coordination.SCHEDULE, "-inf", workload.now_ms(client)) == 0

    def stop(self) -> None:
        """Ends all of them at once; raises where one didn't end as it should."""
        for worker in self.workers:
            worker.terminate()
        for part in self.light:
            part.stdin.close()
        end = time.monotonic() + STOP_SECONDS
        for worker in self.workers:
            try:
                status = worker.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                status = f"no end within {STOP_SECONDS} s"
            if status != 0 and worker.pid not in self.ended:
                raise processes.ChildFailed(f"a worker ended with {status}\n{self.log(worker)[-2_000:]}")
        for part in self.light:
            with contextlib.suppress(subprocess.TimeoutExpired):  # a Redis that is too busy answers it too late
                part.wait(timeout=max(0.1, end - time.monotonic()))

    def kill(self) -> None:
        """Ends what is left, however it is."""
        for child in [*self.workers, *self.light]:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()


@contextlib.contextmanager
def working(
    client: redis.Redis, curfew: pathlib.Path, folder: pathlib.Path, shape: Shape, *, most_real: int = 40,
    parts: int = 2, more: str = "", is_equal: bool = False,
) -> Iterator[Fleet]:
    """A fleet that has found its rhythm: all cleanups have run once, all instances live, nothing is due.

    The first instance is always a real one: it loads the library, and says what the cleanups mean. Of a larger fleet
    than `most_real` the others are light clients.
    """
    fleet = Fleet(client, curfew, folder, shape, is_equal=is_equal)
    client.flushall()
    client.set("probe", "x")
    fleet.write_configuration(more)
    try:
        fleet.start_worker()
        fleet.until(lambda: client.zcard(coordination.INSTANCES) == 1 and fleet.is_quiet(), "the first runs")
        if shape.instances <= most_real:
            for _ in range(shape.instances - 1):
                fleet.start_worker()
        else:
            fleet.start_light(shape.instances - 1, parts, shape.heartbeat_ms / 1_000)
        fleet.until(lambda: client.zcard(coordination.INSTANCES) == shape.instances, "the start of all instances")
        yield fleet
        fleet.stop()
    finally:
        fleet.kill()
