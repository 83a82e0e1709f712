"""Measures a worker while its port is flooded. Started by Bench/flood; the modules beside this one do the work."""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator

import redis

import frame
import processes
import report
import workload

MOST_RATIO, MOST_MILLISECONDS = 2, 100
TITLES = {
    "quiet": "nobody", "forms": "forms of 64 KB", "sign-ins": "wrong sign-ins", "tokens": "wrong tokens",
    "pages": "the sign-in page", "connections": "silent connections", "readings": "counts and previews",
}
VIEWER = "f00dfeedc0ffee11deadbea7ca11ab1e"
HTTP = f"http: {{{{listen: '127.0.0.1:0', admin-token: 5eed{VIEWER}, viewer-token: {VIEWER}}}}}\n"
STAGED = "jobs:staged"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/flood",
        description="Measures what a worker does, and how soon /healthz answers, while strangers flood its port.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="stuck jobs for each measurement (default 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all floods (default 3)")
    parser.add_argument("--floods", nargs="+", choices=list(TITLES)[1:], default=list(TITLES)[1:],
                        help="which floods (default all)")
    return frame.parse(parser, "jobs", "rounds")


def stage(client: redis.Redis, jobs: int) -> None:
    """Creates stuck jobs under an index that the worker doesn't use yet."""
    make = client.register_script(workload.script("load"))
    start = workload.now_ms(client) - 2 * workload.TIMEOUT_MS
    for first in range(0, jobs, workload.BATCH):
        make(keys=[STAGED], args=[first, min(workload.BATCH, jobs - first), start, workload.USERS, workload.TIMEOUT_MS])


def jobs_per_second(client: redis.Redis, jobs: int) -> float:
    """Gives the jobs to the worker and measures from the first processed job to the last."""
    client.rename(STAGED, workload.INDEX)
    end, first = time.monotonic() + processes.LIMIT_SECONDS, None
    while (left := client.zcard(workload.INDEX)) > 0:
        if left < jobs and first is None:
            first = (time.monotonic(), left)
        if time.monotonic() > end:
            raise workload.WrongOutcome(f"{left} of {jobs} jobs are left after {processes.LIMIT_SECONDS} s")
        time.sleep(0.01)
    began, count = first or (time.monotonic() - 0.01, jobs)
    return count / (time.monotonic() - began)


class Health:
    """Requests /healthz repeatedly over new connections, as a probe does."""

    def __init__(self, port: int):
        self.port, self.taken, self.failed, self.is_over = port, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self) -> None:
        """Until the end of the measurement."""
        while not self.is_over.wait(0.02):
            began = time.perf_counter()
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    connection.settimeout(5)
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    answer = connection.recv(4_096)
                self.failed += not answer.startswith(b"HTTP/1.1 200 ")
            except OSError:
                self.failed += 1
            self.taken.append((time.perf_counter() - began) * 1_000)

    def end(self) -> list[float]:
        """The duration of each request, in milliseconds."""
        self.is_over.set()
        self.thread.join()
        return self.taken


@contextlib.contextmanager
def flooding(kind: str, port: int) -> Iterator[dict]:
    """Floods the port during the body; the dictionary has the number of answers afterwards."""
    counted: dict = {"answered": 0}
    if kind == "quiet":
        yield counted
        return
    child = subprocess.Popen(processes.python("flooding.py", kind, port, VIEWER), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, preexec_fn=processes.die_with_parent)
    try:
        time.sleep(1)  # until all its connections are open
        yield counted
        child.terminate()
        output, _ = child.communicate(timeout=30)
        counted.update(json.loads(output))
    finally:
        child.kill()
        child.wait()


def measure(client: redis.Redis, kind: str, port: int, jobs: int) -> dict:
    """One flood: the work done during it, and the response times of /healthz."""
    stage(client, jobs)
    began = time.monotonic()
    with flooding(kind, port) as counted:
        health = Health(port)
        rate = jobs_per_second(client, jobs)
        taken = sorted(health.end())
    return {
        "jobs_per_second": rate, "health_p50": statistics.median(taken),
        "health_p99": taken[min(len(taken) - 1, len(taken) * 99 // 100)], "health_failed": health.failed,
        "answered_per_second": counted["answered"] / (time.monotonic() - began),
    }


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All floods in turn, each compared with an undisturbed worker."""
    port, log = client.connection_pool.connection_kwargs["port"], folder / "log"
    configuration = folder / "curfew.yaml"
    text = workload.CONFIGURATION.replace("cleanups:", HTTP + "cleanups:", 1).replace("every: 15m", "every: 1s")
    configuration.write_text(text.format(url=f"redis://127.0.0.1:{port}/0"))
    kinds = ["quiet", *options.floods]
    rounds: dict[str, list[dict]] = {kind: [] for kind in kinds}
    with processes.working([str(options.curfew.absolute()), "work", "--config", str(configuration)], log) as worker:
        http = processes.listening_port(worker, log)
        for number in range(options.rounds):
            frame.say(f"Round {number + 1} of {options.rounds}")
            for kind in kinds if number % 2 == 0 else reversed(kinds):
                rounds[kind].append(measure(client, kind, http, options.jobs))
    if lost := log.read_text().count("makes no progress"):
        raise workload.WrongOutcome(f"{lost} leases were not renewed in time")
    floods = {kind: {name: statistics.median(each[name] for each in all_) for name in all_[0]}
              for kind, all_ in rounds.items()}
    quiet = floods["quiet"]["jobs_per_second"]
    most = {f"jobs a second: nobody / {TITLES[kind]}": (quiet / floods[kind]["jobs_per_second"], MOST_RATIO)
            for kind in options.floods}
    most |= {f"/healthz p99, ms: {TITLES[kind]}": (floods[kind]["health_p99"], MOST_MILLISECONDS)
            for kind in options.floods}
    most |= {f"/healthz not answered: {TITLES[kind]}": (sum(each["health_failed"] for each in rounds[kind]), 0)
             for kind in options.floods}
    return {"jobs": options.jobs, "rounds": options.rounds, "cores": os.cpu_count(), "floods": floods, "all": rounds,
            "requirements": report.at_most(most)}


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['jobs']:,} stuck jobs, medians of {figures['rounds']} rounds; {figures['cores']} cores, on which the "
        "flood runs too", "",
        f"{'who floods':21}{'jobs/s':>10}{'of quiet':>10}{'/healthz p50':>14}{'p99 ms':>9}{'flood answers/s':>17}",
    ]
    quiet = figures["floods"]["quiet"]["jobs_per_second"]
    for kind, flood in figures["floods"].items():
        lines.append(
            f"{TITLES[kind]:21}{flood['jobs_per_second']:10,.0f}{flood['jobs_per_second'] / quiet:10.2f}"
            f"{flood['health_p50']:14.1f}{flood['health_p99']:9.1f}{flood['answered_per_second']:17,.0f}")
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
