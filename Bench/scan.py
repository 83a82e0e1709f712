"""Measures the scan of a large keyspace by a worker. Started by Bench/scan; the modules beside this one do the work."""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable

import redis

import frame
import measure
import processes
import report
import workload

SCAN = "{curfew}:scan:stuck-jobs"
WAKE = "{curfew}:wake"
MOST_RATIO = 3
MOST_BYTES = 60_000_000


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/scan",
        description="Measures the scan of a large keyspace: its time, what others notice of it, the worker's memory.",
    )
    parser.add_argument("--keys", type=int, default=1_000_000, help="records (default 1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of the idle server (default 3)")
    return frame.parse(parser, "keys", "rounds")


def limit_seconds(keys: int) -> int:
    """What one scan may take."""
    return max(600, keys // 5_000)


def load(client: redis.Redis, keys: int) -> None:
    """Fills the server with untracked records that don't become due during the measurement."""
    workload.load(client, keys, stuck=False, ahead_ms=3_000 * limit_seconds(keys))
    client.delete(workload.INDEX)


def load_small(client: redis.Redis, keys: int) -> None:
    """The same with records of two fields, of which many fit."""
    client.flushall()
    start = workload.now_ms(client) + 3_000 * limit_seconds(keys) + keys
    make = client.register_script(workload.script("load_small"))
    for first in range(0, keys, workload.BATCH):
        make(args=[first, min(workload.BATCH, keys - first), start])


def idle(port: int) -> dict:
    """The probe's latencies on an idle server."""
    with processes.probing(port) as latencies:
        time.sleep(3)
    return latencies


def await_scan(client: redis.Redis, worker: subprocess.Popen, after: bytes | None, seconds: int) -> bytes:
    """Returns when a scan has ended after this one; raises if that takes longer."""
    end = time.monotonic() + seconds
    while (finished := client.hget(SCAN, "finished_ms")) == after:
        if worker.poll() is not None or time.monotonic() > end:
            raise processes.ChildFailed("the scan did not come to its end")
        time.sleep(0.2)
    return finished


def figures(client: redis.Redis, latencies: dict, cpu: float) -> dict:
    """The cost of one scan, from its hash and the probe."""
    scan = {name.decode(): value.decode() for name, value in client.hgetall(SCAN).items()}
    return {
        "seconds": (int(scan["finished_ms"]) - int(scan["started_ms"])) / 1_000,
        "added": int(scan["added"]), "redis_cpu_seconds": cpu,
    } | {"probe_" + name: value for name, value in latencies.items()}


def measure_all(
    client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path,
    fill: Callable[[redis.Redis, int], None] = load,
) -> dict:
    """The idle server, a first scan that enters every record, and a second one with nothing to enter."""
    port = client.connection_pool.connection_kwargs["port"]
    configuration = folder / "curfew.yaml"
    text = workload.CONFIGURATION.format(url=f"redis://127.0.0.1:{port}/0")
    configuration.write_text(text.replace(f"    index: {workload.INDEX}\n", ""))
    frame.say(f"Writing {options.keys:,} records")
    fill(client, options.keys)
    client.set("probe", "x")
    idles = [idle(port) for _ in range(options.rounds)]
    client.config_set("slowlog-log-slower-than", 2_000)
    client.slowlog_reset()
    scans, finished = {}, None
    command = [str(options.curfew.absolute()), "work", "--config", str(configuration)]
    for name in ("first", "second"):
        frame.say(f"The {name} scan")
        with contextlib.ExitStack() as stack:
            if name == "first":
                cpu, worker_stack = measure.redis_cpu(client), contextlib.ExitStack()
                latencies = stack.enter_context(processes.probing(port))
                worker = worker_stack.enter_context(processes.working(command, folder / "log"))
            else:
                cpu = measure.redis_cpu(client)
                latencies = stack.enter_context(processes.probing(port))
                client.hset(SCAN, "next_ms", 1)
                client.publish(WAKE, "stuck-jobs")
            finished = await_scan(client, worker, finished, limit_seconds(options.keys))
        scans[name] = figures(client, latencies, measure.redis_cpu(client) - cpu)
    peak = processes.memory_so_far(worker.pid)
    worker_stack.close()
    tracked = client.zcard("{curfew}:index:stuck-jobs")
    if tracked != options.keys:
        raise workload.WrongOutcome(f"{tracked} records are tracked, expected {options.keys}")
    quiet = {name: statistics.median(latencies[name] for latencies in idles) for name in ("p50", "p99", "max")}
    return {
        "keys": options.keys, "cores": os.cpu_count(), "redis": client.info("server")["redis_version"], "idle": quiet,
        "scans": scans, "slow_commands": client.slowlog_len(), "worker_peak_bytes": peak,
        "requirements": requirements(quiet, scans, peak),
    }


def requirements(quiet: dict, scans: dict, peak: int) -> list[dict]:
    """Each requirement with its value and whether it is met."""
    values = {
        f"p99 of others: {name} scan / idle": (scan["probe_p99"] / quiet["p99"], MOST_RATIO)
        for name, scan in scans.items()
    }
    return report.at_most(values | {"memory of the worker, MB": (peak / 1e6, MOST_BYTES / 1e6)})


def table(figures: dict) -> str:
    """What was measured, without the requirements."""
    quiet = figures["idle"]
    lines = [
        f"{figures['keys']:,} records; Redis {figures['redis']}, {figures['cores']} cores", "",
        f"{'':14}{'seconds':>9}{'keys/s':>10}{'added':>11}{'Redis CPU':>11}{'others: p50':>13}{'p99':>8}{'max':>8} ms",
        f"{'idle':14}{'':41}{quiet['p50']:13.2f}{quiet['p99']:8.2f}{quiet['max']:8.2f}",
    ]
    lines += [
        f"{name + ' scan':14}{scan['seconds']:9.1f}{figures['keys'] / scan['seconds']:10,.0f}{scan['added']:11,}"
        f"{scan['redis_cpu_seconds']:9.1f} s{scan['probe_p50']:13.2f}{scan['probe_p99']:8.2f}{scan['probe_max']:8.2f}"
        for name, scan in figures["scans"].items()
    ]
    return "\n".join([*lines, "", f"Commands over 2 ms, of whomever: {figures['slow_commands']}"])


def text(figures: dict) -> str:
    """The whole report for people."""
    return "\n".join([table(figures), *report.bounds(figures["requirements"], 36)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
