"""Measures the removal of old jobs. Started by Bench/retention; the modules beside this one do the work."""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys

import redis

import frame
import measure
import processes
import report
import workload

INDEX = "jobs:finished"
KEEP_MS = 30 * 86_400_000
CALL_SIZE = 64
MOST_TIME_RATIO = 2
MOST_WAIT_RATIO = 3
EVENT = {"run": "old-jobs-1", "cleanup": "old-jobs", "action": "remove", "to": "", "tokens": "0", "bytes": "0"}
TITLES = {"idle": "nothing running", "busy": "cores busy", "curfew": "curfew run", "floor": "floor, 64 a call"}

CONFIGURATION = """\
redis: {url}
cleanups:
  old-jobs:
    policy: retention
    every: 15m
    records: job:<id>
    index: jobs:finished
    states: [COMPLETED, FAILED, CANCELLED]
    since: [completedAt, updatedAt]
    keep: 30d
    also: ["job:<id>:log"]
    guard: off  # everything is old here
{page}"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/retention",
        description="Measures the removal of old jobs with a log each: Curfew, and a loop inside Redis.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="old jobs (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over both variants (default 5)")
    parser.add_argument("--page", type=int, help="records a call, in place of Curfew's own choice (20 to 1000)")
    return frame.parse(parser, "jobs", "rounds")


def load(client: redis.Redis, jobs: int) -> None:
    """Empties the server and fills it with jobs that ended twice as long ago as they are kept."""
    client.flushall()
    end = workload.now_ms(client) - 2 * KEEP_MS
    make = client.register_script(workload.script("load_retention"))
    for first in range(0, jobs, workload.BATCH):
        make(keys=[INDEX], args=[first, min(workload.BATCH, jobs - first), end, workload.USERS, KEEP_MS])


def verify(client: redis.Redis, jobs: int, variant: str) -> None:
    """Raises `WrongOutcome` unless every job and its log are in the trash, with one event for both."""
    count = client.register_script(workload.script("verify_retention"))
    gone = job_trash = log_trash = 0
    for first in range(0, jobs, workload.BATCH):
        counts = count(args=[first, min(workload.BATCH, jobs - first)])
        gone, job_trash, log_trash = gone + counts[0], job_trash + counts[1], log_trash + counts[2]
    found = {
        "jobs gone with their logs": (gone, jobs),
        "jobs in the trash": (job_trash, jobs),
        "logs in the trash": (log_trash, jobs),
        "jobs left in the index": (client.zcard(INDEX), 0),
    }
    wrong = [f"{what}: {is_}, expected {expected}" for what, (is_, expected) in found.items() if is_ != expected]
    events = client.xlen(workload.EVENTS)
    if not min(jobs, workload.EVENTS_KEPT) <= events <= jobs + 1:
        wrong.append(f"events: {events}, expected {min(jobs, workload.EVENTS_KEPT)}")
    last = {name.decode(): value.decode() for name, value in client.xrevrange(workload.EVENTS, count=1)[0][1].items()}
    if set(last) != workload.EVENT_FIELDS or any(last[name] != value for name, value in EVENT.items()):
        wrong.append(f"the last event: {last}")
    if wrong:
        raise workload.WrongOutcome(f"{variant}: " + "; ".join(wrong))


def variant(bench: measure.Bench, name: str) -> dict:
    """Runs a variant over all jobs, verifies the result, and returns its figures."""
    load(bench.client, bench.jobs)
    command = processes.python("floor.py", bench.port, CALL_SIZE, "floor_retention", INDEX)
    expected = None
    if name == "curfew":
        command = [str(bench.curfew), "run", "old-jobs", "--json", "--config", str(bench.configuration)]
        expected = {
            "status": "completed", "totalFound": bench.jobs, "cleanedUp": bench.jobs, "failed": 0, "skipped": 0,
        }
    return measure.observed(bench, command, lambda: verify(bench.client, bench.jobs, name), expected)


def busy(bench: measure.Bench) -> dict:
    """The probe's latencies while every core is busy and Redis is idle: the delays caused by the machine."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            spin = subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=processes.die_with_parent)
            stack.callback(spin.wait)
            stack.callback(spin.kill)
        return measure.idle(bench)


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Rounds over both, which alternate in going first."""
    bench = measure.Bench(client, options.curfew.absolute(), folder / "curfew.yaml", options.jobs)
    page = "" if options.page is None else f"    page: {options.page}\n"
    bench.configuration.write_text(CONFIGURATION.format(url=f"redis://127.0.0.1:{bench.port}/0", page=page))
    rounds = options.rounds
    names = ["curfew", "floor"]
    figures: dict[str, list[dict]] = {name: [] for name in ["idle", "busy", *names]}
    for number in range(rounds):
        frame.say(f"Round {number + 1} of {rounds}")
        figures["idle"].append(measure.idle(bench))
        figures["busy"].append(busy(bench))
        for name in names if number % 2 == 0 else reversed(names):
            figures[name].append(variant(bench, name))
    variants = {name: report.medians(values) for name, values in figures.items()}
    return {
        "jobs": bench.jobs, "rounds": rounds, "cores": os.cpu_count(),
        "redis": bench.client.info("server")["redis_version"], "variants": variants,
        "requirements": requirements(variants),
    }


def requirements(variants: dict) -> list[dict]:
    """Each requirement with its value and whether it is met; Curfew's figures include the start of its process."""
    curfew, floor, idle = variants["curfew"], variants["floor"], variants["idle"]
    return report.at_most({
        "curfew's process / work of the floor at 64 a call":
            (curfew["process_seconds"] / floor["work_seconds"], MOST_TIME_RATIO),
        "p99 of others: curfew / nothing running": (curfew["probe_p99"] / idle["probe_p99"], MOST_WAIT_RATIO),
    })


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['jobs']:,} old jobs with a log each, medians of {figures['rounds']} rounds; "
        f"Redis {figures['redis']}, {figures['cores']} cores",
        "",
        f"{'':18}{'process':>9}{'work':>7}{'(least–most)':>14}{'jobs/s':>9}{'Redis CPU':>12}{'own CPU':>9}"
        f"{'others: p50':>13}{'p99':>8}{'max':>8}{'over 2 ms':>11}",
        f"{'':18}{'s':>9}{'s':>7}{'':14}{'':9}{'µs/job':>12}{'s':>9}{'ms':>13}{'ms':>8}{'ms':>8}{'commands':>11}",
    ]
    for name, row in figures["variants"].items():
        probe = f"{row['probe_p50']:13.2f}{row['probe_p99']:8.2f}{row['probe_max']:8.2f}"
        if name in ("idle", "busy"):
            lines.append(f"{TITLES[name]:18}{'':60}{probe}")
            continue
        least, most = row["work_seconds_range"]
        lines.append(
            f"{TITLES[name]:18}{row['process_seconds']:9.2f}{row['work_seconds']:7.2f}"
            f"{f'({least:.2f}–{most:.2f})':>14}{figures['jobs'] / row['work_seconds']:9,.0f}"
            f"{row['redis_cpu_microseconds_per_job']:12.1f}{row['client_cpu_seconds']:9.2f}{probe}"
            f"{row['slow_commands']:11}"
        )
    lines.append("")
    lines += [
        f"Slowest of {TITLES[name]}: {row['slowest']}"
        for name, row in figures["variants"].items() if row.get("slowest")
    ]
    lines.append("“cores busy” is what others wait on this machine while every core works and Redis does nothing.")
    lines += report.bounds(figures["requirements"], 52)
    return "\n".join(lines)


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
