"""The measurements with very many records, one part after the other on one server."""

import argparse
import bisect
import dataclasses
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
PAUSED = coordination.PREFIX + "paused"
FEW = 1_000  # records, for what must not grow
PASSES = 20
WAIT_SECONDS = 60
LATER_MS = 6 * 3_600_000  # when the first tracked record is due
TENTHS = 10
SAMPLE_BYTES = 1_000  # members that MEMORY USAGE looks at
QUESTIONS = {
    "status": ["status"], "stats": ["stats", "stuck-jobs"], "preview": ["preview", "stuck-jobs"],
    "history": ["history"], "events": ["events"], "events of a record": ["events", "--record", "00000007"],
}
PAGES = {"first page": "/", "page of a cleanup": "/cleanups/stuck-jobs", "/metrics": "/metrics",
         "/api/v1/runs": "/api/v1/runs?limit=100"}
AFTER = " after the start"
PAGE_ROUNDS = 20


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
            first = {name + AFTER: dashboard.times(port, path, 1)["first"] for name, path in PAGES.items()}
            return first | {name: dashboard.times(port, path, PAGE_ROUNDS)["p50"] for name, path in PAGES.items()}

    def due(self) -> dict:
        """One run over very many due records: its speed and its memory, from its first tenth to its last."""
        client, jobs = self.client, self.options.due
        questions: dict[str, dict] = {}
        pages: dict[str, dict] = {}
        for count in (FEW, jobs):
            frame.say(f"{count:,} records due")
            workload.load(client, count, stuck=True)
            client.hset(PAUSED, "stuck-jobs", "{}")
            pages[str(count)] = self.pages()
            client.delete(PAUSED)
            questions[str(count)] = self.questions(self.bench.configuration)
        client.set("probe", "x")
        samples: list[tuple[float, int, int]] = []

        def watch(pid: int) -> int:
            """Samples the time, what is done and the memory."""
            while not processes.has_ended(pid):
                memory = processes.memory(pid)
                samples.append((time.monotonic(), jobs - client.zcard(workload.INDEX), memory))
                time.sleep(0.02)
            return max(memory for _, _, memory in samples)

        client.config_set("slowlog-log-slower-than", measure.SLOW_MICROSECONDS)
        with processes.probing(self.bench.port) as latencies:
            client.slowlog_reset()
            cpu = measure.redis_cpu(client)
            finished = processes.run(self.bench.curfew_command(), watch=watch)
            cpu = measure.redis_cpu(client) - cpu
            slow = measure.slow_figures(client.slowlog_get(10_000))
        client.config_set("slowlog-log-slower-than", -1)
        measure.curfew_seconds(finished.output, measure.curfew_result(jobs))
        workload.verify(client, jobs, "curfew")
        return {
            "jobs": jobs, "questions": questions, "pages": pages, "process_seconds": finished.seconds,
            "redis_cpu_microseconds_per_job": 1e6 * cpu / jobs,
            "client_cpu_microseconds_per_job": 1e6 * finished.cpu_seconds / jobs, "peak_bytes": finished.peak_bytes,
        } | tenths(samples, jobs) | slow | {"probe_" + name: value for name, value in latencies.items()}

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
