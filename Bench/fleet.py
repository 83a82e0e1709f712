"""Measures what a fleet costs Redis. Started by Bench/fleet; the modules beside this one do the work."""

import argparse
import itertools
import os
import pathlib
import re
from collections.abc import Callable

import redis

import frame
import herds
import processes
import report
import workload

MOST_TICK, MOST_TICK_RATIO = 60, 1.25
MOST_P99, MOST_MAX, MOST_LATE = 2, 15, 250
MOST_SHARE = 6
TAKEOVER_MS = 1_000
MOST_RUNS_RATIO, MOST_IDLE = 1.05, 1.1


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
        description="Measures what many instances cost Redis, beside one instance with the same cleanups: how late "
        "runs start, what another client sees, the processor time of Redis. The cleanups have nothing to do. "
        "Everything stays on loopback, and each configuration ends within two minutes.",
        epilog="NxC is a number of instances and of cleanups. Up to --real instances are real workers; of a larger "
        "fleet one is, and the others are light clients that say to Redis what a worker says.",
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
    parser.add_argument("--equal", action="store_true",
                        help="instances with the same priority as Redis and the probe, with which they share the cores")
    parser.add_argument("--jobs", type=int, default=50_000, help="jobs of the run that is ended (default 50000)")
    return frame.parse(parser, "rounds", "places", "heartbeat", "real", "processes", "jobs")


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All configurations; each herd next to one instance with the same cleanups."""
    measurement = herds.Measurement(client, options, folder)
    failures: list[str] = []

    def tried(measure: Callable[..., dict], *shape: int) -> list[dict]:
        """One configuration; nothing of it where it fails."""
        try:
            return [measure(*shape)]
        except (workload.WrongOutcome, processes.ChildFailed, redis.RedisError) as error:
            frame.say(f"FAILED: {error}")
            failures.append(f"{measure.__name__} {' × '.join(map(str, shape))}: {error}")
            return []

    def beside_one(measure: Callable[..., dict], shapes: list[tuple[int, int]]) -> list[list[dict]]:
        """Configurations, each beside one instance with the same cleanups."""
        pairs = [
            [figures for count in sorted({1, instances}) for figures in tried(measure, count, cleanups)]
            for instances, cleanups in shapes
        ]
        return [figures for figures in pairs if figures]

    ticks = [figures for cleanups in options.known for figures in tried(measurement.tick, cleanups)]
    moments = beside_one(measurement.herd, options.herd)
    takeovers = [figures for instances in options.takeover for figures in tried(measurement.takeover, instances)]
    staggered = beside_one(measurement.staggered, options.staggered)
    return {
        "rounds": options.rounds, "places": options.places, "heartbeat_seconds": options.heartbeat,
        "cores": os.cpu_count(), "redis": client.info("server")["redis_version"], "ticks": ticks, "herds": moments,
        "takeovers": takeovers, "staggered": staggered, "failures": failures,
        "requirements": requirements(ticks, moments, takeovers, staggered) + report.at_most(
            {"configurations that failed": (len(failures), 0)}),
    }


def requirements(ticks: list, moments: list, takeovers: list, staggered: list) -> list[dict]:
    """Each requirement that was measured."""
    values = {}
    for tick in ticks:
        known = f"{tick['cleanups']:,} known"
        values[f"a tick, {known}, µs"] = (tick["tick_microseconds"], MOST_TICK)
        values[f"commands in a heartbeat, {known}"] = (tick["commands_per_beat"], 1)
    if len(ticks) > 1:
        first, last = (tick["tick_microseconds"] for tick in (ticks[0], ticks[-1]))
        values[f"a tick, {ticks[-1]['cleanups']:,} known / {ticks[0]['cleanups']:,}"] = (last / first, MOST_TICK_RATIO)
    for *_, herd in moments:
        title = f"{herd['instances']:,} × {herd['cleanups']:,} at once"
        values |= {
            f"{title}: p99 of others, ms": (herd["probe_p99"], MOST_P99),
            f"{title}: most of others, ms": (herd["worst_probe_max"], MOST_MAX),
            f"{title}: start late, p99, ms": (herd["late_p99"], MOST_LATE),
            f"{title}: ticks in an idle heartbeat": (herd["idle_calls_per_beat"], MOST_IDLE),
        }
    for takeover in takeovers:
        title = f"{takeover['instances']:,} instances, takeover after"
        values |= {
            f"{title} SIGTERM, ms": (takeover["SIGTERM"], TAKEOVER_MS),
            f"{title} SIGKILL, ms": (takeover["SIGKILL"], takeover["lease_ms"] + TAKEOVER_MS),
        }
    for *_, shape in staggered:
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
        f"One instance, {tick['cleanups']:,} cleanups known, nothing due: a tick after the other "
        f"{tick['tick_microseconds']:,.0f} µs of Redis each; with a rest of 10 ms before it "
        f"{tick['rested_tick_microseconds']:,.0f} µs\n    (an empty function {tick['empty_microseconds']:,.0f} µs); "
        f"a heartbeat {tick['beat_microseconds']:,.0f} µs in {tick['commands_per_beat']:g} commands"
        for tick in figures["ticks"]
    ]
    if figures["herds"]:
        lines += ["", f"Due at once, medians of {figures['rounds']} moments (max of others: of all moments)", HEADINGS]
    for pair_of_herds in figures["herds"]:
        lines += [
            row(shape_title(herd), f"{herd['redis_cpu_milliseconds']:,.1f} ms", herd, herd["worst_probe_max"])
            for herd in pair_of_herds
        ]
        many = pair_of_herds[-1]
        lines.append(
            f"{'':22}with nothing due: Redis {many['idle']['redis_cpu_share']:.1f} % of a core, "
            f"{many['idle_calls_per_beat']:.2f} FCALL a heartbeat of each, "
            f"others p99 {many['quiet_p99']:.2f}, max {many['quiet_max']:.2f} ms; at a moment Redis waits "
            f"{many['waited_milliseconds']:,.1f} ms for a processor")
    if figures["staggered"]:
        lines += ["", "Due every minute, evenly spread over it", HEADINGS]
    for shape in itertools.chain.from_iterable(figures["staggered"]):
        lines += [
            row(shape_title(shape), f"{shape['redis_cpu_share']:.1f} %", shape, shape["probe_max"]),
            f"{'':22}{shape['runs']:,} runs in {shape['seconds']:.0f} s, expected {shape['expected_runs']:,}",
        ]
    lines += [""] + [
        f"{takeover['instances']:,} instances: another one goes on {takeover['SIGTERM']:,} ms after SIGTERM, "
        f"{takeover['SIGKILL']:,} ms after SIGKILL (lease {takeover['lease_ms']:,} ms)"
        for takeover in figures["takeovers"]
    ]
    lines += [f"FAILED: {failure}" for failure in figures["failures"]]
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
