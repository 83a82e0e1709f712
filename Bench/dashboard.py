"""Measures the dashboard with a large keyspace and a long history. Started by Bench/dashboard."""

import argparse
import contextlib
import http.client
import os
import pathlib
import re
import selectors
import socket
import statistics
import time
from collections.abc import Iterator

import redis

import crowd
import frame
import processes
import report
import workload

TOKEN = "viewer-token-0123456789"
PAGES = {"first page": "/", "page of a cleanup": "/cleanups/stuck-jobs", "page of a run": "/runs/stuck-jobs-5000",
         "/metrics": "/metrics", "/api/v1/cleanups": "/api/v1/cleanups", "/api/v1/runs": "/api/v1/runs?limit=100"}
BROWSERS = 200
WATCHED_SECONDS = 20
FLEET_BYTES, FLEET_MILLISECONDS, METRICS_BYTES = 150_000, 150, 2_000_000
MOST_BYTES, MOST_MILLISECONDS, MOST_MEMORY_BYTES = 100_000, 100, 30_000_000
HTTP = f"http: {{{{listen: '127.0.0.1:0', admin-token: admin-{TOKEN}, viewer-token: {TOKEN}}}}}\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/dashboard",
        description="Measures the dashboard's pages with a large keyspace and a long history, and many who watch them.",
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="tracked records (default 1000000)")
    parser.add_argument("--runs", type=int, default=10_000, help="runs of history (default 10000)")
    parser.add_argument("--fleet", type=int, default=1_000, help="cleanups, and instances, of a fleet (default 1000)")
    parser.add_argument("--rounds", type=int, default=100, help="requests for each page (default 100)")
    return frame.parse(parser, "records", "runs", "rounds", "fleet")


def load(client: redis.Redis, records: int, runs: int) -> None:
    """Fills the server with records that don't become due during the measurement, and a day's history."""
    workload.load(client, records, stuck=False)
    workload.add_history(client, runs)


@contextlib.contextmanager
def working(options: argparse.Namespace, port: int, folder: pathlib.Path) -> Iterator[tuple[int, int]]:
    """Runs a worker during the body: its process and its port."""
    configuration, log = folder / "curfew.yaml", folder / "log"
    text = workload.CONFIGURATION.replace("cleanups:", HTTP + "cleanups:", 1)
    configuration.write_text(text.format(url=f"redis://127.0.0.1:{port}/0"))
    with processes.working([str(options.curfew.absolute()), "work", "--config", str(configuration)], log) as worker:
        yield worker.pid, processes.listening_port(worker, log)


@contextlib.contextmanager
def serving(options: argparse.Namespace, port: int, folder: pathlib.Path) -> Iterator[int]:
    """Serves the pages of a fleet during the body: the port."""
    configuration, log = folder / "fleet.yaml", folder / "fleet.log"
    configuration.write_text(
        crowd.configuration(f"redis://127.0.0.1:{port}/0", HTTP.replace("{{", "{").replace("}}", "}"), options.fleet))
    command = [str(options.curfew.absolute()), "serve", "--config", str(configuration)]
    with processes.working(command, log) as server:
        yield processes.listening_port(server, log)


def fleet(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """The pages of a fleet, and what an open one is sent while nothing changes."""
    port = client.connection_pool.connection_kwargs["port"]
    with serving(options, port, folder) as answering:
        fingerprint = re.search(r"config=([0-9a-f]+)", (folder / "fleet.log").read_text())
        crowd.load(client, options.fleet, options.fleet, fingerprint[1] if fingerprint else "")
        pages = {name: times(answering, path, options.rounds // 10 + 1) for name, path in crowd.PAGES.items()}
        watcher = Browsers(answering, 1, "overview", reads_all=True)
        watcher.read(5)
        first = watcher.received
        watcher.read(WATCHED_SECONDS)
        watcher.close()
        return {"size": options.fleet, "pages": pages,
                "quiet_bytes_per_second": (watcher.received - first) / WATCHED_SECONDS}


def times(port: int, path: str, rounds: int) -> dict:
    """How long a page takes over one connection, request after request, and how large it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - began) * 1_000)
        if answer.status != 200:
            raise processes.ChildFailed(f"{path}: {answer.status} {body[:500]!r}")
    connection.close()
    ordered = sorted(taken)
    return {"bytes": len(body), "first": taken[0], "p50": statistics.median(taken),
            "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]}


class Browsers:
    """Open pages that are kept up to date; some of them don't read."""

    def __init__(self, port: int, count: int, page: str, *, reads_all: bool = False) -> None:
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        self.received = 0
        token = f"Authorization: Bearer {TOKEN}"
        request = f"GET /live?page={page} HTTP/1.1\r\nHost: 127.0.0.1\r\n{token}\r\n\r\n".encode()
        for number in range(count):
            browser = socket.create_connection(("127.0.0.1", port))
            browser.sendall(request)
            self.sockets.append(browser)
            if reads_all or number % 20 != 0:  # every twentieth doesn't read
                browser.setblocking(False)
                self.selector.register(browser, selectors.EVENT_READ)

    def read(self, seconds: float) -> None:
        """Reads for this long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                data = key.fileobj.recv(1 << 20)
                if not data:
                    raise processes.ChildFailed("a page that took everything was cut off")
                self.received += len(data)

    def close(self) -> None:
        """Closes all of them."""
        for browser in self.sockets:
            browser.close()


def watched(client: redis.Redis, pid: int, port: int, count: int) -> dict:
    """The cost of this many open pages for Redis and the worker's memory, while their data changes constantly."""
    browsers = Browsers(port, count, "overview")
    try:
        browsers.read(5)
        connections, commands = len(client.client_list()), client.info("stats")["total_commands_processed"]
        end = time.monotonic() + WATCHED_SECONDS
        changes = 0
        while time.monotonic() < end:
            client.zadd(workload.INDEX, {f"made-{changes}": 1})
            changes += 1
            browsers.read(0.5)
        spent = client.info("stats")["total_commands_processed"] - commands - changes - 1
        return {"browsers": count, "connections": connections, "commands_per_second": spent / WATCHED_SECONDS,
                "received_bytes": browsers.received, "memory_bytes": memory(pid)}
    finally:
        browsers.close()
        client.zrem(workload.INDEX, *[f"made-{number}" for number in range(changes)])


def memory(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1_024
    return 0


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Every page, and one open page compared with many."""
    port = client.connection_pool.connection_kwargs["port"]
    frame.say(f"Writing {options.records:,} records and {options.runs:,} runs")
    load(client, options.records, options.runs)
    with working(options, port, folder) as (pid, answering):
        frame.say("The pages")
        pages = {name: times(answering, path, options.rounds) for name, path in PAGES.items()}
        quiet = memory(pid)
        frame.say(f"1 and {BROWSERS} open pages")
        crowds = [watched(client, pid, answering, count) for count in (1, BROWSERS)]
    frame.say(f"A fleet of {options.fleet:,} cleanups and {options.fleet:,} instances")
    large = fleet(client, options, folder)
    return {
        "records": options.records, "runs": options.runs, "cores": os.cpu_count(),
        "redis": client.info("server")["redis_version"], "pages": pages, "quiet_memory_bytes": quiet, "crowds": crowds,
        "fleet": large, "requirements": requirements(pages["first page"], crowds, large["pages"]),
    }


def requirements(page: dict, crowds: list[dict], fleet_pages: dict) -> list[dict]:
    """Each requirement with its value and whether it is met."""
    one, many = crowds
    return report.at_most({
        "first page, KB": (page["bytes"] / 1e3, MOST_BYTES / 1e3),
        "first page, first request, ms": (page["first"], MOST_MILLISECONDS),
        "first page, p99, ms": (page["p99"], MOST_MILLISECONDS),
        f"Redis connections: {BROWSERS} pages / 1": (many["connections"] / one["connections"], 1),
        f"commands: {BROWSERS} pages / 1": (many["commands_per_second"] / one["commands_per_second"], 1.25),
        "first page of a fleet, KB": (fleet_pages["first page"]["bytes"] / 1e3, FLEET_BYTES / 1e3),
        "first page of a fleet, p50, ms": (fleet_pages["first page"]["p50"], FLEET_MILLISECONDS),
        "/metrics of a fleet, KB": (fleet_pages["/metrics"]["bytes"] / 1e3, METRICS_BYTES / 1e3),
        f"memory of {BROWSERS} pages, MB":
            ((many["memory_bytes"] - one["memory_bytes"]) / 1e6, MOST_MEMORY_BYTES / 1e6),
    })


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['records']:,} tracked records, {figures['runs']:,} runs; Redis {figures['redis']}, "
        f"{figures['cores']} cores",
        "", f"{'':20}{'KB':>8}{'first':>9}{'p50':>9}{'p99':>9} ms",
    ]
    lines += [
        f"{name:20}{page['bytes'] / 1e3:8.1f}{page['first']:9.1f}{page['p50']:9.1f}{page['p99']:9.1f}"
        for name, page in figures["pages"].items()
    ]
    lines += ["", f"{'open pages':20}{'Redis connections':>20}{'commands/s':>12}{'memory':>10}"]
    lines += [
        f"{crowd['browsers']:<20}{crowd['connections']:20}{crowd['commands_per_second']:12.1f}"
        f"{crowd['memory_bytes'] / 1e6:7.0f} MB"
        for crowd in figures["crowds"]
    ]
    large = figures["fleet"]
    lines += ["", f"a fleet of {large['size']:,} cleanups and instances; an open page is sent "
              f"{large['quiet_bytes_per_second']:.0f} bytes a second while nothing changes"]
    lines += [
        f"{name:20}{page['bytes'] / 1e3:8.1f}{page['first']:9.1f}{page['p50']:9.1f}{page['p99']:9.1f}"
        for name, page in large["pages"].items()
    ]
    lines.append("")
    lines += report.bounds(figures["requirements"], 37)
    return "\n".join(lines)


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
