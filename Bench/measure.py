"""One measurement each: a variant under load, a run with nothing due, the memory of a run."""

import collections
import dataclasses
import pathlib
import time
from collections.abc import Callable

import redis

import processes
import workload

SLOW_MICROSECONDS = 2_000
CALL_SIZES = {"floor-64": 64, "floor-1000": 1_000}
VARIANTS = ["curfew", *CALL_SIZES, "by-hand"]


@dataclasses.dataclass
class Bench:
    """The common data of all measurements."""

    client: redis.Redis
    curfew: pathlib.Path
    configuration: pathlib.Path
    jobs: int

    @property
    def port(self) -> int:
        """The port of the private Redis."""
        return self.client.connection_pool.connection_kwargs["port"]

    def curfew_command(self) -> list[str]:
        """One run of the cleanup, as a user starts it."""
        return [str(self.curfew), "run", "stuck-jobs", "--json", "--config", str(self.configuration)]

    def command(self, variant: str) -> list[str]:
        """The command line of a variant."""
        if variant == "curfew":
            return self.curfew_command()
        if variant == "by-hand":
            return processes.python("by_hand.py", self.port)
        return processes.python("floor.py", self.port, CALL_SIZES[variant])


def redis_cpu(client: redis.Redis) -> float:
    """Seconds of CPU that the server has used so far."""
    usage = client.info("cpu")
    return usage["used_cpu_user"] + usage["used_cpu_sys"]


def idle(bench: Bench) -> dict:
    """The probe's latencies on an idle server."""
    bench.client.set("probe", "x")
    with processes.probing(bench.port) as latencies:
        time.sleep(1)
    return {"probe_" + name: value for name, value in latencies.items()}


def variant(bench: Bench, name: str) -> dict:
    """Runs a variant over all jobs, verifies the result, and returns its figures."""
    workload.load(bench.client, bench.jobs, stuck=True)
    return observed(
        bench, bench.command(name), lambda: workload.verify(bench.client, bench.jobs, name),
        curfew_result(bench.jobs) if name == "curfew" else None)


def observed(bench: Bench, command: list[str], verify: Callable[[], None], expected: dict | None) -> dict:
    """Runs a command beside the probe, checks what it did, and returns its figures.

    `process_seconds` is what a user waits for, from the start of the process to its end; `work_seconds` is the work
    alone: what Curfew reports as the duration of the run, where a result of it is expected, and else the loop of the
    script, without Python's start.
    """
    client = bench.client
    client.set("probe", "x")
    client.config_set("slowlog-log-slower-than", SLOW_MICROSECONDS)
    with processes.probing(bench.port) as latencies:
        client.slowlog_reset()
        cpu = redis_cpu(client)
        finished = processes.run(command)
        cpu = redis_cpu(client) - cpu
        slow = client.slowlog_get(10_000)
    client.config_set("slowlog-log-slower-than", -1)
    verify()
    work = curfew_seconds(finished.output, expected) if expected else finished.output["seconds"]
    return {
        "process_seconds": finished.seconds,
        "work_seconds": work,
        "client_cpu_seconds": finished.cpu_seconds,
        "redis_cpu_microseconds_per_job": 1e6 * cpu / bench.jobs,
    } | slow_figures(slow) | {"probe_" + kind: value for kind, value in latencies.items()}


def slow_figures(slow: list[dict]) -> dict:
    """How many commands were slow, and the slowest of them, from entries of SLOWLOG."""
    worst = max(slow, key=lambda entry: entry["duration"], default=None)
    return {
        "slow_commands": len(slow),
        "slowest": f"{worst['command'][:60].decode(errors='replace')} {worst['duration']} µs" if worst else "",
    }


def curfew_result(jobs: int) -> dict:
    """The expected result of Curfew for this many jobs."""
    return {
        "status": "completed", "totalFound": jobs, "cleanedUp": jobs, "failed": 0, "skipped": 0, "retried": 0,
        "tokensRefunded": jobs * workload.TOKENS,
    }


def curfew_seconds(output: dict, expected: dict) -> float:
    """The duration that Curfew reports; raises where its result isn't the one expected."""
    result = output["result"]
    wrong = [f"{name}: {result.get(name)}, expected {value}" for name, value in expected.items()
             if result.get(name) != value]
    if wrong:
        raise workload.WrongOutcome("the result of curfew: " + "; ".join(wrong))
    return result["durationMs"] / 1_000


def nothing_due(bench: Bench, tracked: int, runs: int) -> dict:
    """Runs with nothing to do: their duration and their commands."""
    workload.load(bench.client, tracked, stuck=False)
    processes.run(bench.curfew_command())  # loads the functions, if they are missing
    all_finished = [processes.run(bench.curfew_command()) for _ in range(runs)]
    for finished in all_finished:
        curfew_seconds(finished.output, curfew_result(0))
    middle = sorted(all_finished, key=lambda finished: finished.seconds)[runs // 2]
    commands = commands_of_a_run(bench)
    return {
        "tracked": tracked,
        "process_seconds": middle.seconds,
        "work_seconds": curfew_seconds(middle.output, curfew_result(0)),
        "commands": sum(commands.values()),
        "by_command": dict(commands),
    }


def commands_of_a_run(bench: Bench) -> collections.Counter:
    """The commands of one run, by MONITOR; commands inside functions aren't counted."""
    with bench.client.monitor() as monitor:
        processes.run(bench.curfew_command())
        return commands_of_others(bench.client, monitor)


def commands_of_others(client: redis.Redis, monitor: redis.client.Monitor) -> collections.Counter:
    """The commands that a monitor has seen so far, but for those of this client and those inside functions."""
    client.echo("the end of the run")
    seen = []
    for entry in monitor.listen():
        seen.append(entry)
        if entry["command"].endswith("the end of the run"):
            break
    ours = seen.pop()["client_port"]
    commands = collections.Counter()
    for entry in seen:
        if entry["client_type"] == "lua" or entry["client_port"] == ours:
            continue
        words = entry["command"].split()
        takes_subcommand = words[0].upper() in {"FCALL", "FCALL_RO", "CLIENT", "FUNCTION"}
        commands[" ".join(words[: 2 if takes_subcommand else 1])] += 1
    return commands


def memory(bench: Bench, jobs: int) -> dict:
    """The peak memory of a run over this many stuck jobs."""
    workload.load(bench.client, jobs, stuck=True)
    finished = processes.run(bench.curfew_command(), watch=processes.peak_memory)
    workload.verify(bench.client, jobs, "curfew")
    return {"due": jobs, "peak_bytes": finished.peak_bytes}
