"""Measures the removal of old jobs. Started by Bench/retention; the modules beside this one do the work."""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import redis

import measure
import processes
import report
import workload

LIMIT_MINUTES = 30  # for everything together
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
    parser.add_argument("--skip-build", action="store_true", help="take the release binary that is there")
    parser.add_argument("--curfew", type=pathlib.Path, default=pathlib.Path(".build/release/curfew"),
                        help="the binary to measure (default .build/release/curfew)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    if options.jobs < 1 or options.rounds < 1:
        parser.error("--jobs and --rounds must be at least 1")
    if not options.curfew.exists():
        parser.error(f"{options.curfew} isn't there: leave out --skip-build")
    return options


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"==> {text}", file=sys.stderr, flush=True)


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
    if not min(jobs, workload.EVENTS_KEPT) <= events <= jobs:
        wrong.append(f"events: {events}, expected {min(jobs, workload.EVENTS_KEPT)}")
    last = {name.decode(): value.decode() for name, value in client.xrevrange(workload.EVENTS, count=1)[0][1].items()}
    if set(last) != workload.EVENT_FIELDS or any(last[name] != value for name, value in EVENT.items()):
        wrong.append(f"the last event: {last}")
    if wrong:
        raise workload.WrongOutcome(f"{variant}: " + "; ".join(wrong))


def variant(bench: measure.Bench, name: str) -> dict:
    """Lets a variant remove all jobs, checks that it did, and returns its figures (see `measure.variant`)."""
    client = bench.client
    load(client, bench.jobs)
    client.set("probe", "x")
    client.config_set("slowlog-log-slower-than", measure.SLOW_MICROSECONDS)
    command = processes.python("floor.py", bench.port, CALL_SIZE, "floor_retention", INDEX)
    if name == "curfew":
        command = [str(bench.curfew), "run", "old-jobs", "--json", "--config", str(bench.configuration)]
    with processes.probing(bench.port) as latencies:
        client.slowlog_reset()
        cpu = measure.redis_cpu(client)
        finished = processes.run(command)
        cpu = measure.redis_cpu(client) - cpu
        slow = client.slowlog_get(10_000)
    client.config_set("slowlog-log-slower-than", -1)
    verify(client, bench.jobs, name)
    work = curfew_seconds(finished.output, bench.jobs) if name == "curfew" else finished.output["seconds"]
    worst = max(slow, key=lambda entry: entry["duration"], default=None)
    return {
        "process_seconds": finished.seconds,
        "work_seconds": work,
        "client_cpu_seconds": finished.cpu_seconds,
        "redis_cpu_microseconds_per_job": 1e6 * cpu / bench.jobs,
        "slow_commands": len(slow),
        "slowest": f"{worst['command'][:60].decode(errors='replace')} {worst['duration']} µs" if worst else "",
    } | {"probe_" + kind: value for kind, value in latencies.items()}


def busy(bench: measure.Bench) -> dict:
    """What the probe sees while every core is busy and Redis isn't: what the machine alone makes others wait."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            spin = subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=processes.die_with_parent)
            stack.callback(spin.wait)
            stack.callback(spin.kill)
        return measure.idle(bench)


def curfew_seconds(output: dict, jobs: int) -> float:
    """The duration that Curfew reports; raises where its result isn't the one expected."""
    result = output["result"]
    expected = {"status": "completed", "totalFound": jobs, "cleanedUp": jobs, "failed": 0, "skipped": 0}
    wrong = [f"{name}: {result.get(name)}, expected {value}" for name, value in expected.items()
             if result.get(name) != value]
    if wrong:
        raise workload.WrongOutcome("the result of curfew: " + "; ".join(wrong))
    return result["durationMs"] / 1_000


def measure_all(bench: measure.Bench, rounds: int) -> dict:
    """Round after round over both, which take turns in going first."""
    names = ["curfew", "floor"]
    figures: dict[str, list[dict]] = {name: [] for name in ["idle", "busy", *names]}
    for number in range(rounds):
        say(f"Round {number + 1} of {rounds}")
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
    """Each requirement with its value and whether it is met; Curfew is taken with the start of its process."""
    curfew, floor, idle = variants["curfew"], variants["floor"], variants["idle"]
    rows = [
        {"name": "curfew's process / work of the floor at 64 a call",
         "value": curfew["process_seconds"] / floor["work_seconds"], "most": MOST_TIME_RATIO},
        {"name": "p99 of others: curfew / nothing running",
         "value": curfew["probe_p99"] / idle["probe_p99"], "most": MOST_WAIT_RATIO},
    ]
    return [row | {"met": row["value"] <= row["most"]} for row in rows]


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
    lines += [
        f"{row['name']:52}{row['value']:7.2f}  at most {row['most']:<6g}{'met' if row['met'] else 'MISSED'}"
        for row in figures["requirements"]
    ]
    return "\n".join(lines)


def stop(number: int, frame: object) -> None:
    """Ends the benchmark by the way that stops its children."""
    limit = f"not finished after {LIMIT_MINUTES} minutes" if number == signal.SIGALRM else signal.strsignal(number)
    raise SystemExit(f"error: {limit}")


def main() -> int:
    """Measures, prints, and says by its exit code whether something went wrong."""
    options = arguments()
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    signal.alarm(60 * LIMIT_MINUTES)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(processes.private_redis())
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curfew-bench-")))
        bench = measure.Bench(client, options.curfew.absolute(), folder / "curfew.yaml", options.jobs)
        page = "" if options.page is None else f"    page: {options.page}\n"
        bench.configuration.write_text(CONFIGURATION.format(url=f"redis://127.0.0.1:{bench.port}/0", page=page))
        try:
            figures = measure_all(bench, options.rounds)
        except (workload.WrongOutcome, processes.ChildFailed, redis.RedisError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(json.dumps(figures, indent=2, ensure_ascii=False) if options.json else text(figures))
    missed = [row for row in figures["requirements"] if not row["met"]]
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
