"""Measures Curfew with very many records. Started by Bench/scale; the modules beside this one do the work."""

import argparse
import bisect
import dataclasses
import os
import pathlib
import statistics
import time

import redis

import coordination
import dashboard
import frame
import measure
import processes
import report
import scan
import workload

INDEX = "{curfew}:index:stuck-jobs"
FEW = 1_000  # records, for what must not grow
PASSES = 20
WAIT_SECONDS = 60
LATER_MS = 6 * 3_600_000  # when the first tracked record is due
LIMIT_MINUTES = 60
TENTHS = 10
SAMPLE_BYTES = 1_000  # members that MEMORY USAGE looks at
QUESTIONS = {
    "status": ["status"], "stats": ["stats", "stuck-jobs"], "preview": ["preview", "stuck-jobs"],
    "history": ["history"], "events": ["events"], "events of a record": ["events", "--record", "00000007"],
}
PAGES = {"first page": "/", "page of a cleanup": "/cleanups/stuck-jobs", "/metrics": "/metrics",
         "/api/v1/runs": "/api/v1/runs?limit=100"}
GROWING = {"events of a record"}  # reads all events, as many as there are
PAGE_ROUNDS = 20
MOST_GROWTH, MOST_SLOWER, MOST_MEMORY_GROWTH, MOST_STREAM_COST, MOST_BYTES = 1.5, 1.25, 1.25, 1.2, 128

PARTS = ["scan", "tracked", "due", "history"]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/scale",
        description="Measures what grows with the number of records: a scan of the keyspace, an index that Curfew "
        "keeps itself, a run over very many due records, and runs beside a history of full length.",
        epilog="The defaults need about 6 GB of memory. Try it with --keys 100000 --records 100000 --due 100000.",
    )
    parser.add_argument("--keys", type=int, default=10_000_000, help="keys that are scanned (default 10000000)")
    parser.add_argument("--records", type=int, default=10_000_000, help="records tracked, none due (default 10000000)")
    parser.add_argument("--due", type=int, default=1_000_000, help="due records of one run (default 1000000)")
    parser.add_argument("--history", type=int, default=100_000,
                        help="entries of events, runs and metrics (default 100000, as many as Curfew keeps)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of what is short (default 3)")
    parser.add_argument("--skip", action="append", default=[], choices=PARTS, metavar="PART",
                        help=f"leave a part out: {', '.join(PARTS)}")
    return frame.parse(parser, "keys", "records", "due", "history", "rounds")


class Measurement:
    """The parts, on one server."""

    def __init__(self, client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.client, self.options, self.folder = client, options, folder
        text = workload.CONFIGURATION.replace("    policy: stuck\n", "    policy: stuck\n    run-timeout: 1h\n")
        text = text.format(url=f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}/0")
        self.bench = measure.Bench(client, options.curfew.absolute(), folder / "app.yaml", options.due)
        self.bench.configuration.write_text(text)
        self.own = folder / "own.yaml"
        self.own.write_text(text.replace(f"    index: {workload.INDEX}\n", ""))

    def scan(self) -> dict:
        """The scan of the keyspace, as Bench/scan measures it, and the index that comes of it."""
        figures = scan.measure_all(self.client, self.options, self.folder, scan.load_small)
        used = self.client.memory_usage(INDEX, samples=SAMPLE_BYTES)
        return figures | {"index_bytes_per_record": used / self.options.keys}

    def tracked(self) -> dict:
        """What Curfew's own index costs, with few records and with many: memory, a run with nothing due, questions."""
        return {str(records): self.tracking(records) for records in (FEW, self.options.records)}

    def tracking(self, records: int) -> dict:
        """The same with so many."""
        client = self.client
        frame.say(f"{records:,} records tracked")
        client.flushall(asynchronous=False)
        before = client.info("memory")["used_memory"]
        make = client.register_script(workload.script("load_index"))
        first_due = workload.now_ms(client) + LATER_MS
        for first in range(0, records, workload.BATCH):
            make(keys=[INDEX], args=[first, min(workload.BATCH, records - first), first_due])
        used = client.info("memory")["used_memory"] - before
        command = [str(self.bench.curfew), "work", "--config", str(self.own)]
        with processes.working(command, self.folder / "log") as worker:
            scan.await_scan(client, worker, None, WAIT_SECONDS)
            self.until_runs(1)
            passes = self.passes()
            questions = self.questions(self.own)
        return {
            "bytes_per_record": client.memory_usage(INDEX, samples=SAMPLE_BYTES) / records,
            "used_bytes_per_record": used / records, "questions": questions,
        } | passes

    def until_runs(self, count: int) -> None:
        """Returns when so many runs have ended."""
        end = time.monotonic() + WAIT_SECONDS
        while self.client.xlen(coordination.RUNS) < count:
            if time.monotonic() > end:
                raise processes.ChildFailed("the worker doesn't run its cleanup")
            time.sleep(0.02)

    def nothing_due(self) -> int:
        """A run of the worker that finds nothing due; returns how long it takes (ms)."""
        client = self.client
        runs = client.xlen(coordination.RUNS)
        client.zadd(coordination.SCHEDULE, {"stuck-jobs": workload.now_ms(client)})
        client.publish(coordination.WAKE, "stuck-jobs")
        self.until_runs(runs + 1)
        entry = client.xrevrange(coordination.RUNS, count=1)[0][1]
        if entry[b"status"] != b"completed" or entry[b"found"] != b"0":
            raise workload.WrongOutcome(f"a run with nothing due: {entry}")
        return int(entry[b"finished_ms"]) - int(entry[b"started_ms"])

    def passes(self) -> dict:
        """Such runs: their time, their commands with the ticks around them, and what these cost Redis."""
        with self.client.monitor() as monitor:
            self.nothing_due()
            commands = measure.commands_of_others(self.client, monitor)
        # Each kind of command once: what a function calls is in the time of the function.
        words = {f"cmdstat_{name.split()[0].lower()}" for name in commands}
        times, costs = [], []
        for _ in range(PASSES):
            self.client.config_resetstat()
            times.append(self.nothing_due())
            spent = self.client.info("commandstats")
            costs.append(sum(spent[word]["usec"] for word in words if word in spent))
        return {
            "commands": sum(commands.values()), "by_command": dict(commands), "milliseconds": statistics.median(times),
            "redis_microseconds": statistics.median(costs),
        }

    def questions(self, configuration: pathlib.Path) -> dict[str, float]:
        """How long each command takes that only asks (ms), with the start of its process; the quickest round."""
        times = {}
        for name, words in QUESTIONS.items():
            command = [str(self.bench.curfew), *words, "--json", "--config", str(configuration)]
            times[name] = 1_000 * min(processes.run(command).seconds for _ in range(self.options.rounds))
        return times

    def pages(self) -> dict[str, float]:
        """How long each page of the dashboard takes (ms); and the first of them, which reads what came before it."""
        with dashboard.working(self.options, self.bench.port, self.folder) as (_, port):
            first = {f"{name} after the start": dashboard.times(port, path, 1)["first"] for name, path in PAGES.items()}
            return first | {name: dashboard.times(port, path, PAGE_ROUNDS)["p50"] for name, path in PAGES.items()}

    def due(self) -> dict:
        """One run over very many due records: its speed and its memory, from its first tenth to its last."""
        client, jobs = self.client, self.options.due
        frame.say(f"{jobs:,} records due")
        workload.load(client, jobs, stuck=True)
        client.set("probe", "x")
        samples: list[tuple[float, int, int]] = []

        def watch(pid: int) -> int:
            """Samples the time, what is done and the memory."""
            while not processes.has_ended(pid):
                memory = processes.memory(pid)
                samples.append((time.monotonic(), jobs - client.zcard(workload.INDEX), memory))
                time.sleep(0.02)
            return max(memory for _, _, memory in samples)

        with processes.probing(self.bench.port) as latencies:
            cpu = measure.redis_cpu(client)
            finished = processes.run(self.bench.curfew_command(), watch=watch)
            cpu = measure.redis_cpu(client) - cpu
        measure.curfew_seconds(finished.output, measure.curfew_result(jobs))
        workload.verify(client, jobs, "curfew")
        return {
            "jobs": jobs, "process_seconds": finished.seconds, "redis_cpu_microseconds_per_job": 1e6 * cpu / jobs,
            "client_cpu_microseconds_per_job": 1e6 * finished.cpu_seconds / jobs, "peak_bytes": finished.peak_bytes,
        } | tenths(samples, jobs) | {"probe_" + name: value for name, value in latencies.items()}

    def history(self) -> dict:
        """The same run and the same questions with a short history and with a full one."""
        jobs = min(self.options.due, 20_000)
        bench = dataclasses.replace(self.bench, jobs=jobs)
        kinds = {"short": min(FEW, self.options.history), "full": self.options.history}
        rounds: dict[str, list[dict]] = {kind: [] for kind in kinds}
        questions: dict[str, dict] = {}
        pages: dict[str, dict] = {}
        streams: dict[str, dict] = {}
        for number in range(self.options.rounds):
            frame.say(f"Round {number + 1} of {self.options.rounds}: a short history and a full one")
            for kind, length in kinds.items() if number % 2 == 0 else reversed(kinds.items()):
                workload.load(self.client, jobs, stuck=True)
                workload.add_history(self.client, length)
                if number == 0:
                    questions[kind] = self.questions(bench.configuration)
                    streams[kind] = self.streams()
                rounds[kind].append(measure.observed(
                    bench, bench.curfew_command(), self.expect_done, measure.curfew_result(jobs)))
                if number == 0:
                    pages[kind] = self.pages()
        return {
            "jobs": jobs, "runs": {kind: report.medians(figures) for kind, figures in rounds.items()},
            "questions": questions, "pages": pages, "streams": streams["full"],
        }

    def streams(self) -> dict:
        """The length of each stream, and what an entry of it takes."""
        lengths = {key: self.client.xlen(key) for key in workload.HISTORY}
        return {
            key: {"entries": count,
                  "bytes_per_entry": self.client.memory_usage(key, samples=SAMPLE_BYTES) / max(1, count)}
            for key, count in lengths.items()
        }

    def expect_done(self) -> None:
        """Raises where records are left."""
        left = self.client.zcard(workload.INDEX)
        if left:
            raise workload.WrongOutcome(f"{left} jobs are left in the index")


def tenths(samples: list[tuple[float, int, int]], jobs: int) -> dict:
    """Records a second and memory in each tenth of a run, from samples of time, records done and memory."""
    done = [count for _, count, _ in samples]
    begin = max(0, bisect.bisect_right(done, 0) - 1)  # the last sample with nothing done
    edges = [samples[begin][0]]
    rates, memories = [], []
    first = begin
    for tenth in range(1, TENTHS + 1):
        last = min(len(samples) - 1, bisect.bisect_left(done, jobs * tenth // TENTHS))
        edges.append(samples[last][0])
        rates.append((done[last] - done[first]) / max(1e-3, edges[-1] - edges[-2]))
        memories.append(max(memory for _, _, memory in samples[first:last + 1] if memory) if last >= first else 0)
        first = last
    return {"jobs_per_second": rates, "memory_bytes": memories}


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All parts."""
    measurement = Measurement(client, options, folder)
    parts = {part: getattr(measurement, part)() for part in PARTS if part not in options.skip}
    sizes = {name: getattr(options, name) for name in ("keys", "records", "due", "history")}
    return sizes | {
        "rounds": options.rounds, "cores": os.cpu_count(), "redis": client.info("server")["redis_version"],
        "parts": parts, "requirements": requirements(parts),
    }


def requirements(parts: dict) -> list[dict]:
    """What must not grow faster than its work, of the parts that were measured."""
    values = {}
    if "scan" in parts:
        values |= {
            f"scan: {row['name']}": (row["value"], row["most"]) for row in parts["scan"]["requirements"]
        }
    if "tracked" in parts:
        few, many = parts["tracked"].values()
        values |= {
            "tracked: bytes a record": (many["bytes_per_record"], MOST_BYTES),
            "tracked: commands of a run, many / few": (many["commands"] / few["commands"], 1),
            "tracked: Redis for a run, many / few":
                (many["redis_microseconds"] / few["redis_microseconds"], MOST_GROWTH),
        }
        values |= {f"tracked: {name}, many / few": (time / few["questions"][name], MOST_GROWTH)
                   for name, time in many["questions"].items()}
    if "due" in parts:
        due = parts["due"]
        rates, memory = due["jobs_per_second"], due["memory_bytes"]
        half = TENTHS // 2
        values |= {
            "due: speed of the first half / of the second":
                (statistics.harmonic_mean(rates[:half]) / statistics.harmonic_mean(rates[half:]), MOST_SLOWER),
            "due: memory of the last tenth / of the first": (memory[-1] / memory[0], MOST_MEMORY_GROWTH),
        }
    if "history" in parts:
        short, full = (parts["history"]["runs"][kind] for kind in ("short", "full"))
        cost = "redis_cpu_microseconds_per_job"
        values["history: Redis for a record, full / short"] = (full[cost] / short[cost], MOST_STREAM_COST)
        for kind in ("questions", "pages"):
            few, many = (parts["history"][kind][length] for length in ("short", "full"))
            values |= {f"history: {name}, full / short": (time / few[name], MOST_GROWTH)
                       for name, time in many.items() if name not in GROWING and "after" not in name}
    return report.at_most(values)


def asked(title: str, questions: dict) -> str:
    """A line of what commands or pages take."""
    return f"    {title}: " + ", ".join(f"{name} {time:,.1f}" for name, time in questions.items())


def text(figures: dict) -> str:
    """The whole report for people."""
    parts, lines = figures["parts"], [f"Redis {figures['redis']}, {figures['cores']} cores"]
    if "scan" in parts:
        lines += ["", "Scan of the keyspace", scan.table(parts["scan"]),
                  f"The index takes {parts['scan']['index_bytes_per_record']:.1f} bytes a record"]
    if "tracked" in parts:
        lines += ["", "An index that Curfew keeps, nothing due"]
    for records, row in parts.get("tracked", {}).items():
        commands = ", ".join(f"{name} ×{count}" for name, count in row["by_command"].items())
        lines += [
            f"{int(records):,} tracked: {row['bytes_per_record']:.1f} bytes a record "
            f"({row['used_bytes_per_record']:.1f} of Redis's memory); a run takes {row['milliseconds']:g} ms, and",
            f"    with the ticks around it {row['redis_microseconds']:,.0f} µs of Redis in {row['commands']} commands",
            f"    ({commands})", asked("ms with the process", row["questions"]),
        ]
    if "due" in parts:
        due = parts["due"]
        lines += [
            "", f"One run over {due['jobs']:,} due records: {due['process_seconds']:.1f} s, Redis "
            f"{due['redis_cpu_microseconds_per_job']:.1f} µs and Curfew "
            f"{due['client_cpu_microseconds_per_job']:.1f} µs a record",
            f"    others p50 {due['probe_p50']:.2f}, p99 {due['probe_p99']:.2f}, max {due['probe_max']:.2f} ms",
            f"{'    records/s by tenths':26}" + "".join(f"{rate:9,.0f}" for rate in due["jobs_per_second"]),
            f"{'    memory by tenths, MB':26}" + "".join(f"{memory / 1e6:9,.1f}" for memory in due["memory_bytes"]),
        ]
    if "history" in parts:
        history = parts["history"]
        sizes = ", ".join(f"{key} {stream['entries']:,} × {stream['bytes_per_entry']:,.0f} bytes"
                          for key, stream in history["streams"].items())
        lines += ["", f"{history['jobs']:,} due records beside a history: {sizes}"]
    for kind, run in parts.get("history", {}).get("runs", {}).items():
        lines += [
            f"    {kind}: {run['process_seconds']:.2f} s, Redis {run['redis_cpu_microseconds_per_job']:.1f} µs a "
            f"record; others p50 {run['probe_p50']:.2f}, p99 {run['probe_p99']:.2f}, max {run['probe_max']:.2f} ms",
            asked("ms with the process", parts["history"]["questions"][kind]),
            asked("ms of a page", parts["history"]["pages"][kind]),
        ]
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text, minutes=LIMIT_MINUTES)
