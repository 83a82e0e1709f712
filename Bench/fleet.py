"""Measures what a fleet costs Redis. Started by Bench/fleet; the modules beside this one do the work."""

import argparse
import os
import pathlib
import re
import signal
import time

import redis

import coordination
import fleets
import frame
import measure
import processes
import report
import workload

WINDOW_SECONDS = 2.0  # what counts to the moment at which all are due: this long after it, and a little before
BEFORE_SECONDS = 0.25
SETTLED_SECONDS = 2.0  # beyond a heartbeat: by then every instance knows when the cleanups are due
STAGGERED_MS = 60_000
PROBED_SECONDS = 10
WAKE_UPS, PAUSE_SECONDS = 300, 0.01
BEATS = 5
LONG = """\
  long: {policy: stuck, every: 1h, records: "job:<id>", index: "jobs:deadlines", states: [PROCESSING],
         since: [processingStartedAt], timeout: 5m, to: FAILED, page: 20}
"""
LEASE = coordination.key("lease", "long")
MOST_TICK, MOST_TICK_RATIO = 60, 1.25
MOST_P99, MOST_MAX, MOST_LATE = 2, 15, 250
MOST_SHARE = 6
TAKEOVER_MS = 1_000
MOST_RUNS_RATIO = 1.05


def pair(text: str) -> tuple[int, int]:
    """Two numbers, as in 40x300."""
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found or not all(map(int, found.groups())):
        raise argparse.ArgumentTypeError(f"{text}: expected instances x cleanups, for example 40x300")
    return int(found[1]), int(found[2])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/fleet",
        description="Measures what many instances cost Redis, beside one instance with the same cleanups: how late runs "
        "start, what another client sees, the processor time of Redis. The cleanups have nothing to do. Everything stays "
        "on loopback, and each configuration ends within two minutes.",
        epilog="NxC is a number of instances and of cleanups. Up to --real instances are real workers; of a larger fleet "
        "one is, and the others are light clients that say to Redis what a worker says.",
    )
    parser.add_argument("--herd", type=pair, nargs="*", default=[(40, 100), (40, 300)], metavar="NxC",
                        help="cleanups that are due in the same millisecond (default 40x100 40x300)")
    parser.add_argument("--staggered", type=pair, nargs="*", default=[(1_000, 1_000)], metavar="NxC",
                        help="cleanups due every minute, spread evenly over it (default 1000x1000)")
    parser.add_argument("--known", type=int, nargs="*", default=[10, 1_000], metavar="C",
                        help="cleanups that one instance knows, for the time of a tick (default 10 1000)")
    parser.add_argument("--takeover", type=int, nargs="*", default=[40], metavar="N",
                        help="real workers of which one is ended in the middle of its run (default 40)")
    parser.add_argument("--rounds", type=int, default=3, help="moments measured of each herd (default 3)")
    parser.add_argument("--places", type=int, default=4, help="runs at once of an instance (default 4)")
    parser.add_argument("--heartbeat", type=int, default=10, metavar="SECONDS",
                        help="the longest silence of an instance (default 10, that of Curfew)")
    parser.add_argument("--real", type=int, default=40, help="the most real workers (default 40)")
    parser.add_argument("--processes", type=int, default=2, help="processes of the light clients (default 2)")
    parser.add_argument("--jobs", type=int, default=200_000, help="jobs of the run that is ended (default 200000)")
    return frame.parse(parser, "rounds", "places", "heartbeat", "real", "processes", "jobs")


class Measurement:
    """All configurations, one after the other, on one server."""

    def __init__(self, client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.client, self.options, self.folder = client, options, folder
        self.port = client.connection_pool.connection_kwargs["port"]

    def working(self, shape: fleets.Shape, **others: object):
        """A fleet of that shape."""
        options = self.options
        return fleets.working(
            self.client, options.curfew, self.folder, shape,
            **{"most_real": options.real, "parts": options.processes} | others)

    def shape(self, instances: int, cleanups: int, **others: int) -> fleets.Shape:
        """A shape with what the options say."""
        options = self.options
        settings = {"places": options.places, "heartbeat_ms": 1_000 * options.heartbeat} | others
        return fleets.Shape(instances, cleanups, **settings)

    def begin(self) -> tuple[float, float]:
        """The time and Redis's processor time; its statistics begin again."""
        self.client.config_resetstat()
        return time.monotonic(), measure.redis_cpu(self.client)

    def since(self, begin: tuple[float, float]) -> dict:
        """What Redis did since then. Its commands are also those that functions call."""
        cpu, seconds = measure.redis_cpu(self.client) - begin[1], time.monotonic() - begin[0]
        calls = self.client.info("commandstats").get("cmdstat_fcall", {"calls": 0, "usec": 0})
        commands = self.client.info("stats")["total_commands_processed"]
        return {
            "seconds": seconds, "redis_cpu_share": 100 * cpu / seconds, "calls": calls["calls"],
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
            "instances": instances, "cleanups": cleanups, "idle": idle, "worst_probe_max": max(
                moment["probe_max"] for moment in moments),
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
            time.sleep(max(0, start + WINDOW_SECONDS - time.monotonic()))
            fleet.until(lambda: client.xlen(coordination.RUNS) >= before + len(names), "the runs of a moment")
            spent = self.since(begin)
        lateness = late(runs(client, due), set(names), due)
        cpu = 10 * (spent["redis_cpu_share"] - idle_share) * spent["seconds"]
        return {
            "redis_cpu_milliseconds": max(0, cpu), "calls": spent["calls"],
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
            begin = self.begin()
            time.sleep(BEATS * heartbeat)
            beats = self.since(begin)
            commands = self.commands(BEATS * heartbeat)
            begin = self.begin()
            for _ in range(WAKE_UPS):
                self.client.publish(coordination.WAKE, shape.names[0])
                time.sleep(PAUSE_SECONDS)
            ticks = self.since(begin)
        return {
            "cleanups": cleanups, "beat_microseconds": beats["microseconds_per_call"],
            "tick_microseconds": ticks["microseconds_per_call"], "ticks": ticks["calls"],
            "commands_per_beat": commands / BEATS,
        }

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
        """How soon another instance goes on with a run after SIGTERM, and after SIGKILL (ms)."""
        shape = self.shape(instances, 1)
        frame.say(f"{instances:,} instances, of which one is ended in the middle of its run")
        with self.working(shape, more=LONG, most_real=instances) as fleet:
            times = {number.name: self.end_holder(fleet, number) for number in (signal.SIGTERM, signal.SIGKILL)}
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
        raise workload.WrongOutcome(f"{len(found)} runs of {len(set(found))} cleanups, expected one of {len(names)} each")
    return sorted(started - at for _, at, started in ended if at == due)


def share(values: list[int], part: float) -> int:
    """The value that this share of the sorted values doesn't exceed."""
    return values[min(len(values) - 1, int(part * len(values)))]


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All configurations; each herd next to one instance with the same cleanups."""
    measurement = Measurement(client, options, folder)
    ticks = [measurement.tick(cleanups) for cleanups in options.known]
    herds = []
    for instances, cleanups in options.herd:
        herds.append([measurement.herd(count, cleanups) for count in (1, instances)])
    takeovers = [measurement.takeover(instances) for instances in options.takeover]
    staggered = [measurement.staggered(*shape) for shape in options.staggered]
    return {
        "rounds": options.rounds, "places": options.places, "heartbeat_seconds": options.heartbeat,
        "cores": os.cpu_count(), "redis": client.info("server")["redis_version"], "ticks": ticks, "herds": herds,
        "takeovers": takeovers, "staggered": staggered,
        "requirements": requirements(ticks, herds, takeovers, staggered),
    }


def requirements(ticks: list, herds: list, takeovers: list, staggered: list) -> list[dict]:
    """Each requirement that was measured."""
    values = {}
    for tick in ticks:
        known = f"{tick['cleanups']:,} known"
        values[f"a tick, {known}, µs"] = (tick["tick_microseconds"], MOST_TICK)
        values[f"commands in a heartbeat, {known}"] = (tick["commands_per_beat"], 1)
    if len(ticks) > 1:
        first, last = (tick["tick_microseconds"] for tick in (ticks[0], ticks[-1]))
        values[f"a tick, {ticks[-1]['cleanups']:,} known / {ticks[0]['cleanups']:,}"] = (last / first, MOST_TICK_RATIO)
    for _, herd in herds:
        title = f"{herd['instances']:,} × {herd['cleanups']:,} at once"
        values |= {
            f"{title}: p99 of others, ms": (herd["probe_p99"], MOST_P99),
            f"{title}: most of others, ms": (herd["worst_probe_max"], MOST_MAX),
            f"{title}: start late, p99, ms": (herd["late_p99"], MOST_LATE),
        }
    for takeover in takeovers:
        title = f"{takeover['instances']:,} instances, takeover after"
        values |= {
            f"{title} SIGTERM, ms": (takeover["SIGTERM"], TAKEOVER_MS),
            f"{title} SIGKILL, ms": (takeover["SIGKILL"], takeover["lease_ms"] + TAKEOVER_MS),
        }
    for shape in staggered:
        title = f"{shape['instances']:,} × {shape['cleanups']:,} staggered"
        values |= {
            f"{title}: Redis, % of a core": (shape["redis_cpu_share"], MOST_SHARE),
            f"{title}: runs expected / runs": (shape["expected_runs"] / max(1, shape["runs"]), MOST_RUNS_RATIO),
        }
    return report.at_most(values)


HEADINGS = (
    f"{'instances × cleanups':22}{'Redis CPU':>11}{'FCALL':>8}{'each':>9}{'commands':>11}"
    f"{'start late: p50':>17}{'p99':>8}{'max':>8}{'others: p50':>14}{'p99':>8}{'max':>8}"
)


def row(title: str, cpu: str, figures: dict, most: float) -> str:
    """One line of the table."""
    return (
        f"{title:22}{cpu:>11}{figures['calls']:8,.0f}{figures['microseconds_per_call']:6,.0f} µs"
        f"{figures['commands_per_second']:9,.0f}/s{figures['late_p50']:17,.0f}{figures['late_p99']:8,.0f}"
        f"{figures['late_max']:8,.0f}{figures['probe_p50']:14.2f}{figures['probe_p99']:8.2f}{most:8.2f} ms"
    )


def shape_title(figures: dict) -> str:
    """Instances × cleanups."""
    return f"{figures['instances']:,} × {figures['cleanups']:,}"


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"Redis {figures['redis']}, {figures['cores']} cores; {figures['places']} places an instance, a heartbeat of "
        f"{figures['heartbeat_seconds']} s",
    ]
    lines += [
        f"One instance, {tick['cleanups']:,} cleanups known, nothing due: a tick takes {tick['tick_microseconds']:,.0f} µs "
        f"of Redis, a heartbeat {tick['beat_microseconds']:,.0f} µs in {tick['commands_per_beat']:g} commands"
        for tick in figures["ticks"]
    ]
    if figures["herds"]:
        lines += ["", f"Due at once, medians of {figures['rounds']} moments (max of others: of all moments)", HEADINGS]
    for pair_of_herds in figures["herds"]:
        lines += [
            row(shape_title(herd), f"{herd['redis_cpu_milliseconds']:,.1f} ms", herd, herd["worst_probe_max"])
            for herd in pair_of_herds
        ]
        one, many = pair_of_herds
        lines.append(f"{'':22}with nothing due: Redis {many['idle']['redis_cpu_share']:.1f} % of a core, {many['idle']['calls']} "
                     f"FCALL, others p99 {many['quiet_p99']:.2f}, max {many['quiet_max']:.2f} ms")
    if figures["staggered"]:
        lines += ["", "Due every minute, evenly spread over it", HEADINGS]
    for shape in figures["staggered"]:
        lines += [
            row(shape_title(shape), f"{shape['redis_cpu_share']:.1f} %", shape, shape["probe_max"]),
            f"{'':22}{shape['runs']:,} runs in {shape['seconds']:.0f} s, expected {shape['expected_runs']:,}",
        ]
    lines += [""] + [
        f"{takeover['instances']:,} instances: another one goes on {takeover['SIGTERM']:,} ms after SIGTERM, "
        f"{takeover['SIGKILL']:,} ms after SIGKILL (lease {takeover['lease_ms']:,} ms)"
        for takeover in figures["takeovers"]
    ]
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
