"""Measures the scan of a large keyspace by a worker. Started by Bench/scan; the modules beside this one do the work."""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import redis

import processes
import workload

LIMIT_MINUTES = 30  # for everything together
LIMIT_SECONDS = 600  # for one scan
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
    parser.add_argument("--skip-build", action="store_true", help="take the release binary that is there")
    parser.add_argument("--curfew", type=pathlib.Path, default=pathlib.Path(".build/release/curfew"),
                        help="the binary to measure (default .build/release/curfew)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    if options.keys < 1 or options.rounds < 1:
        parser.error("--keys and --rounds must be at least 1")
    if not options.curfew.exists():
        parser.error(f"{options.curfew} isn't there: leave out --skip-build")
    return options


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def load(client: redis.Redis, keys: int) -> None:
    """Fills the server with records that nobody tracks and none of which becomes due meanwhile."""
    workload.load(client, keys, stuck=False)
    client.delete(workload.INDEX)
    client.set("probe", "x")


def idle(port: int) -> dict:
    """What the probe sees while nobody else does anything."""
    with processes.probing(port) as latencies:
        time.sleep(3)
    return latencies


@contextlib.contextmanager
def working(command: list[str], log: pathlib.Path) -> Iterator[subprocess.Popen]:
    """Runs a worker beside the body and ends it in good order."""
    with log.open("wb") as output:
        worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                  preexec_fn=processes.die_with_parent)
    try:
        yield worker
        worker.terminate()
        if worker.wait(timeout=30) != 0:
            raise processes.ChildFailed(f"the worker ended with {worker.returncode}\n{log.read_text()[-2_000:]}")
    finally:
        worker.kill()
        worker.wait()


def await_scan(client: redis.Redis, worker: subprocess.Popen, after: bytes | None) -> bytes:
    """Returns when another scan than the one that ended then has ended; raises where that takes too long."""
    end = time.monotonic() + LIMIT_SECONDS
    while (finished := client.hget(SCAN, "finished_ms")) == after:
        if worker.poll() is not None or time.monotonic() > end:
            raise processes.ChildFailed("the scan did not come to its end")
        time.sleep(0.2)
    return finished


def figures(client: redis.Redis, latencies: dict, cpu: float) -> dict:
    """What one scan took, as its hash and the probe say."""
    scan = {name.decode(): value.decode() for name, value in client.hgetall(SCAN).items()}
    return {
        "seconds": (int(scan["finished_ms"]) - int(scan["started_ms"])) / 1_000,
        "added": int(scan["added"]), "redis_cpu_seconds": cpu,
    } | {"probe_" + name: value for name, value in latencies.items()}


def peak_bytes(pid: int) -> int:
    """The most memory that a process held so far."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024
    return 0


def redis_cpu(client: redis.Redis) -> float:
    """Seconds of CPU that the server has used so far."""
    usage = client.info("cpu")
    return usage["used_cpu_user"] + usage["used_cpu_sys"]


def measure(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """The idle server, a first scan that enters every record, and a second one with nothing to enter."""
    port = client.connection_pool.connection_kwargs["port"]
    configuration = folder / "curfew.yaml"
    text = workload.CONFIGURATION.format(url=f"redis://127.0.0.1:{port}/0")
    configuration.write_text(text.replace(f"    index: {workload.INDEX}\n", ""))
    say(f"Writing {options.keys:,} records")
    load(client, options.keys)
    idles = [idle(port) for _ in range(options.rounds)]
    client.config_set("slowlog-log-slower-than", 2_000)
    client.slowlog_reset()
    scans, finished = {}, None
    command = [str(options.curfew.absolute()), "work", "--config", str(configuration)]
    for name in ("first", "second"):
        say(f"The {name} scan")
        with contextlib.ExitStack() as stack:
            if name == "first":
                cpu, worker_stack = redis_cpu(client), contextlib.ExitStack()
                latencies = stack.enter_context(processes.probing(port))
                worker = worker_stack.enter_context(working(command, folder / "log"))
            else:
                cpu = redis_cpu(client)
                latencies = stack.enter_context(processes.probing(port))
                client.hset(SCAN, "next_ms", 1)
                client.publish(WAKE, "stuck-jobs")
            finished = await_scan(client, worker, finished)
        scans[name] = figures(client, latencies, redis_cpu(client) - cpu)
    peak = peak_bytes(worker.pid)
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
    rows = [
        {"name": f"p99 of others: {name} scan / idle", "value": scan["probe_p99"] / quiet["p99"], "most": MOST_RATIO}
        for name, scan in scans.items()
    ]
    rows.append({"name": "memory of the worker, MB", "value": peak / 1e6, "most": MOST_BYTES / 1e6})
    return [row | {"met": row["value"] <= row["most"]} for row in rows]


def text(report: dict) -> str:
    """The whole report for people."""
    quiet = report["idle"]
    lines = [
        f"{report['keys']:,} records; Redis {report['redis']}, {report['cores']} cores", "",
        f"{'':14}{'seconds':>9}{'keys/s':>10}{'added':>11}{'Redis CPU':>11}{'others: p50':>13}{'p99':>8}{'max':>8} ms",
        f"{'idle':14}{'':41}{quiet['p50']:13.2f}{quiet['p99']:8.2f}{quiet['max']:8.2f}",
    ]
    lines += [
        f"{name + ' scan':14}{scan['seconds']:9.1f}{report['keys'] / scan['seconds']:10,.0f}{scan['added']:11,}"
        f"{scan['redis_cpu_seconds']:9.1f} s{scan['probe_p50']:13.2f}{scan['probe_p99']:8.2f}{scan['probe_max']:8.2f}"
        for name, scan in report["scans"].items()
    ]
    lines += ["", f"Commands over 2 ms, of whomever: {report['slow_commands']}"]
    lines += [
        f"{row['name']:36}{row['value']:7.2f}  at most {row['most']:<6g}{'met' if row['met'] else 'MISSED'}"
        for row in report["requirements"]
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
    with processes.private_redis() as client, tempfile.TemporaryDirectory(prefix="curfew-bench-") as folder:
        try:
            report = measure(client, options, pathlib.Path(folder))
        except (workload.WrongOutcome, processes.ChildFailed, redis.RedisError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(json.dumps(report, indent=2, ensure_ascii=False) if options.json else text(report))
    missed = [row for row in report["requirements"] if not row["met"]]
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
