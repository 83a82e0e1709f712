"""The measurements of a fleet, one configuration after the other on one server."""

import argparse
import contextlib
import os
import pathlib
import signal
import statistics
import time
from collections.abc import Callable

import redis

import coordination
import fleets
import frame
import measure
import processes
import report
import workload

WINDOW_SECONDS = 2.0  # the probe counts what it sees this long after the moment, and in the second before it
BEFORE_SECONDS, AFTER_SECONDS = 0.1, 0.2  # what Redis spends is counted from a little before until all have run
SETTLED_SECONDS = 2.0  # beyond a heartbeat: by then every instance knows when the cleanups are due
STAGGERED_MS = 60_000
PROBED_SECONDS = 10
BATCHES, BATCH_SECONDS, PAUSE_SECONDS = 15, 0.3, 0.01
EMPTY = "#!lua name=empty\nredis.register_function('empty', function() return 1 end)"
BEATS = 5
LONG = """\
  long: {policy: stuck, every: 1h, records: "job:<id>", index: "jobs:deadlines", states: [PROCESSING],
         since: [processingStartedAt], timeout: 5m, to: FAILED, page: 20}
"""
LEASE = coordination.key("lease", "long")


class Measurement:
    """All configurations, one after the other, on one server."""

    def __init__(self, client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.client, self.options, self.folder = client, options, folder
        self.port = client.connection_pool.connection_kwargs["port"]
        self.waits = pathlib.Path(f"/proc/{client.info('server')['process_id']}/schedstat")

    def working(
        self, shape: fleets.Shape, **others: object
    ) -> contextlib.AbstractContextManager[fleets.Fleet]:
        """A fleet of that shape."""
        options = self.options
        return fleets.working(
            self.client, options.curfew, self.folder, shape,
            **{"most_real": options.real, "parts": options.processes, "is_equal": options.equal} | others)

    def shape(self, instances: int, cleanups: int, **others: int) -> fleets.Shape:
        """A shape with what the options say."""
        options = self.options
        settings = {"places": options.places, "heartbeat_ms": 1_000 * options.heartbeat} | others
        return fleets.Shape(instances, cleanups, **settings)

    def begin(self) -> tuple[float, float, float]:
        """The time, Redis's processor time, and how long it has waited for a processor; its statistics begin again."""
        self.client.config_resetstat()
        return time.monotonic(), measure.redis_cpu(self.client), self.waited()

    def waited(self) -> float:
        """How long Redis has waited for a processor so far (ms), because others used all of them."""
        return int(self.waits.read_text().split()[1]) / 1e6

    def since(self, begin: tuple[float, float, float]) -> dict:
        """What Redis did since then. Its commands are also those that functions call, without the GETs of the probe."""
        cpu, seconds = measure.redis_cpu(self.client) - begin[1], time.monotonic() - begin[0]
        spent = self.client.info("commandstats")
        calls = spent.get("cmdstat_fcall", {"calls": 0, "usec": 0})
        commands = sum(kind["calls"] for name, kind in spent.items() if name != "cmdstat_get")
        return {
            "seconds": seconds, "redis_cpu_share": 100 * cpu / seconds,
            "waited_milliseconds": self.waited() - begin[2], "calls": calls["calls"],
            "microseconds_per_call": calls["usec"] / max(1, calls["calls"]), "commands_per_second": commands / seconds,
        }

    def herd(self, instances: int, cleanups: int) -> dict:
        """Moments at which all cleanups are due at once."""
        shape = self.shape(instances, cleanups)
        frame.say(f"{shape.title}, due at once")
        with self.working(shape) as fleet:
            time.sleep(shape.heartbeat_ms / 1_000)
            with processes.probing(self.port) as quiet:
                begin = self.begin()
                time.sleep(max(WINDOW_SECONDS, shape.heartbeat_ms / 1_000))
                idle = self.since(begin)
            moments = [self.moment(fleet, idle["redis_cpu_share"]) for _ in range(self.options.rounds)]
        return report.medians(moments) | {
            "instances": instances, "cleanups": cleanups, "idle": idle,
            "idle_calls_per_beat": idle["calls"] / (instances * idle["seconds"] * 1_000 / shape.heartbeat_ms),
            "worst_probe_max": max(moment["probe_max"] for moment in moments),
        } | {"quiet_" + name: value for name, value in quiet.items()}

    def moment(self, fleet: fleets.Fleet, idle_share: float) -> dict:
        """One such moment. What the probe and the heartbeats cost Redis is taken off its processor time."""
        names, client = fleet.shape.names, self.client
        lead = fleet.shape.heartbeat_ms / 1_000 + SETTLED_SECONDS
        before = client.xlen(coordination.RUNS)
        due, start = workload.now_ms(client) + round(1_000 * lead), time.monotonic() + lead
        client.zadd(coordination.SCHEDULE, {name: due for name in names})
        time.sleep(max(0, start - 1 - time.monotonic()))
        with processes.probing(self.port) as latencies:
            time.sleep(max(0, start - BEFORE_SECONDS - time.monotonic()))
            begin = self.begin()
            fleet.until(
                lambda: client.xlen(coordination.RUNS) >= before + len(names), "the runs of a moment", pause=0.05)
            time.sleep(AFTER_SECONDS)
            spent = self.since(begin)
            time.sleep(max(0, start + WINDOW_SECONDS - time.monotonic()))
        lateness = late(runs(client, due), set(names), due)
        cpu = 10 * (spent["redis_cpu_share"] - idle_share) * spent["seconds"]
        return {
            "redis_cpu_milliseconds": max(0, cpu), "waited_milliseconds": spent["waited_milliseconds"],
            "calls": spent["calls"],
            "microseconds_per_call": spent["microseconds_per_call"],
            "commands_per_second": spent["commands_per_second"], "late_p50": share(lateness, 0.5),
            "late_p99": share(lateness, 0.99), "late_max": lateness[-1],
        } | {"probe_" + name: value for name, value in latencies.items()}

    def staggered(self, instances: int, cleanups: int) -> dict:
        """A minute with cleanups that are due one after the other; the probe comes after it, and isn't counted."""
        shape = self.shape(instances, cleanups, every_ms=STAGGERED_MS)
        frame.say(f"{shape.title}, due one after the other")
        begin = self.begin()
        time.sleep(2)
        alone = self.since(begin)["redis_cpu_share"]
        with self.working(shape) as fleet:
            fleet.until(fleet.is_quiet, "a moment with nothing due")
            lead = shape.heartbeat_ms / 1_000 + 1
            first = workload.now_ms(self.client) + round(1_000 * lead)
            self.client.zadd(coordination.SCHEDULE, {
                name: first + STAGGERED_MS * number // cleanups for number, name in enumerate(shape.names)})
            time.sleep(lead)
            seconds = min(STAGGERED_MS / 1_000, max(1, fleet.end - time.monotonic() - PROBED_SECONDS - 5))
            begin = self.begin()
            time.sleep(seconds)
            spent = self.since(begin)
            ended = runs(self.client, first)
            with processes.probing(self.port) as latencies:
                time.sleep(PROBED_SECONDS)
        expected = round(cleanups * seconds * 1_000 / STAGGERED_MS)
        lateness = sorted(started - due for _, due, started in ended) or [0]
        return spent | {
            "instances": instances, "cleanups": cleanups, "redis_cpu_share": spent["redis_cpu_share"] - alone,
            "runs": len(ended), "expected_runs": expected, "late_p50": share(lateness, 0.5),
            "late_p99": share(lateness, 0.99), "late_max": lateness[-1],
        } | {"probe_" + name: value for name, value in latencies.items()}

    def tick(self, cleanups: int) -> dict:
        """The ticks of one instance with nothing due: its heartbeats, and those that messages cause."""
        heartbeat = 1.0
        shape = self.shape(1, cleanups, heartbeat_ms=round(1_000 * heartbeat))
        frame.say(f"Ticks with {cleanups:,} cleanups known")
        with self.working(shape):
            time.sleep(3 * heartbeat)
            commands = self.commands(BEATS * heartbeat)
            beats = [self.each(lambda: time.sleep(heartbeat)) for _ in range(BEATS)]
            ticks, rested = (
                [self.each(lambda: self.wake(shape.names[0], pause)) for _ in range(BATCHES)]
                for pause in (0, PAUSE_SECONDS))
            self.client.execute_command("FUNCTION", "LOAD", "REPLACE", EMPTY)
            empty = [self.each(self.call_empty) for _ in range(BATCHES)]
        figures = {"beat": beats, "tick": ticks, "rested_tick": rested, "empty": empty}
        return {"cleanups": cleanups, "commands_per_beat": commands / BEATS} | {
            f"{name}_microseconds": statistics.median(values) for name, values in figures.items()}

    def each(self, action: Callable[[], object]) -> float:
        """How long a call of a function takes during that (µs)."""
        begin = self.begin()
        action()
        return self.since(begin)["microseconds_per_call"]

    def wake(self, cleanup: str, pause: float) -> None:
        """Sends messages for a while: without a pause there is a tick after the other."""
        end = time.monotonic() + BATCH_SECONDS
        while time.monotonic() < end:
            self.client.publish(coordination.WAKE, cleanup)
            time.sleep(pause)

    def call_empty(self) -> None:
        """Calls a function that does nothing, with such pauses."""
        for _ in range(round(BATCH_SECONDS / PAUSE_SECONDS)):
            self.client.execute_command("FCALL", "empty", 0)
            time.sleep(PAUSE_SECONDS)

    def commands(self, seconds: float) -> int:
        """How many commands others send meanwhile, by MONITOR; those inside functions aren't counted."""
        seen = 0
        with self.client.monitor() as monitor:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if monitor.connection.can_read(timeout=max(0, end - time.monotonic())):
                    seen += monitor.next_command()["client_type"] != "lua"
        return seen

    def takeover(self, instances: int) -> dict:
        """How soon another instance goes on with a run after SIGTERM, and after SIGKILL (ms); the worst rounds."""
        shape = self.shape(instances, 1)
        rounds = min(self.options.rounds, (instances - 1) // 2)  # somebody must be left
        frame.say(f"{instances:,} instances, of which one is ended in the middle of its run")
        with self.working(shape, more=LONG, most_real=instances) as fleet:
            times = {
                number.name: max(self.end_holder(fleet, number) for _ in range(rounds))
                for number in (signal.SIGTERM, signal.SIGKILL)
            }
        return {"instances": instances, "lease_ms": fleets.LEASE_MS} | times

    def end_holder(self, fleet: fleets.Fleet, number: signal.Signals) -> int:
        """Ends the instance that runs the long cleanup, and returns when the next run of it began after that (ms)."""
        client = self.client
        workload.add(client, self.options.jobs, stuck=True)
        client.zadd(coordination.SCHEDULE, {"long": workload.now_ms(client)})
        client.publish(coordination.WAKE, "long")
        fleet.until(lambda: client.zcard(workload.INDEX) < self.options.jobs, "the long run", pause=0.002)
        holder, fence = client.hmget(LEASE, "instance", "fence")
        if holder is None:
            raise processes.ChildFailed("the long run has ended too soon: give it more --jobs")
        pid = int(client.hget(coordination.key("instance", holder.decode()), "pid"))
        fleet.ended.add(pid)
        now = workload.now_ms(client)
        os.kill(pid, number)
        fleet.until(lambda: client.zcard(workload.INDEX) == 0, "the end of all jobs")
        fleet.until(lambda: not client.exists(LEASE), "the end of the last run")
        starts = [
            int(fields[b"started_ms"]) for _, fields in client.xrange(coordination.RUNS, now)
            if fields[b"cleanup"] == b"long" and int(fields[b"fence"]) == int(fence) + 1
        ]
        if len(starts) != 1:
            raise processes.ChildFailed("the long run has ended too soon: give it more --jobs")
        return starts[0] - now


def runs(client: redis.Redis, since: int) -> list[tuple[str, int, int]]:
    """Cleanup, due time and start of the runs of cleanups that were due since then."""
    entries = client.xrange(coordination.RUNS, since)
    found = [(fields[b"cleanup"].decode(), int(fields[b"due_ms"]), int(fields[b"started_ms"])) for _, fields in entries]
    return [run for run in found if run[1] >= since]


def late(ended: list[tuple[str, int, int]], names: set[str], due: int) -> list[int]:
    """How late the runs of a moment began (ms); raises unless every cleanup ran once."""
    found = [name for name, at, _ in ended if at == due]
    if sorted(found) != sorted(names):
        raise workload.WrongOutcome(
            f"{len(found)} runs of {len(set(found))} cleanups, expected one of each of {len(names)}")
    return sorted(started - at for _, at, started in ended if at == due)


def share(values: list[int], part: float) -> int:
    """The value that this share of the sorted values doesn't exceed."""
    return values[min(len(values) - 1, int(part * len(values)))]
