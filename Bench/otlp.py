"""Measures what telemetry costs a run. Started by Bench/otlp; the modules beside this one do the work."""

import argparse
import contextlib
import http.server
import os
import pathlib
import statistics
import threading
from collections.abc import Iterator

import redis

import frame
import measure
import report
import workload

MOST_RATIO = 1.03
TITLES = {"off": "without otel", "on": "with otel"}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/otlp",
        description="Measures the recovery of stuck jobs with and without telemetry, in turns.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="stuck jobs (default 100000)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds over both variants (default 7)")
    return frame.parse(parser, "jobs", "rounds")


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes everything and looks at nothing."""

    protocol_version = "HTTP/1.1"
    paths: list[str] = []

    def do_POST(self) -> None:
        """Reads the whole body and accepts it."""
        self.rfile.read(int(self.headers["content-length"]))
        self.paths.append(self.path)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def collecting() -> Iterator[int]:
    """A collector on a free port while a body runs."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Rounds over both, which alternate in going first."""
    with collecting() as port:
        benches = {}
        for name in TITLES:
            bench = measure.Bench(client, options.curfew.absolute(), folder / f"{name}.yaml", options.jobs)
            more = f"otel: {{endpoint: 'http://127.0.0.1:{port}'}}\n" if name == "on" else ""
            url = f"redis://127.0.0.1:{bench.port}/0"
            bench.configuration.write_text(more + workload.CONFIGURATION.format(url=url))
            benches[name] = bench
        rounds: dict[str, list[dict]] = {name: [] for name in benches}
        for number in range(options.rounds):
            frame.say(f"Round {number + 1} of {options.rounds}")
            for name in list(benches) if number % 2 == 0 else reversed(benches):
                rounds[name].append(measure.variant(benches[name], "curfew"))
    counts = {path: Collector.paths.count(path) for path in ("/v1/traces", "/v1/metrics")}
    if not all(counts.values()):
        raise workload.WrongOutcome(f"requests to the collector: {counts}, expected some of each")
    # Each round compares its own two runs: the machine changes from round to round.
    ratio = statistics.median(on["work_seconds"] / off["work_seconds"] for on, off in zip(rounds["on"], rounds["off"]))
    return {
        "jobs": options.jobs, "rounds": options.rounds, "cores": os.cpu_count(), "requests": counts,
        "redis": client.info("server")["redis_version"],
        "variants": {name: report.medians(figures) for name, figures in rounds.items()},
        "requirements": report.at_most({"work: with otel / without, median of the rounds": (ratio, MOST_RATIO)}),
    }


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['jobs']:,} stuck jobs, medians of {figures['rounds']} rounds; Redis {figures['redis']}, "
        f"{figures['cores']} cores; requests: {figures['requests']}",
        "",
        f"{'':14}{'process s':>11}{'work s':>9}{'(least–most)':>14}{'own CPU s':>11}",
    ]
    for name, row in figures["variants"].items():
        least, most = row["work_seconds_range"]
        lines.append(
            f"{TITLES[name]:14}{row['process_seconds']:11.2f}{row['work_seconds']:9.2f}"
            f"{f'({least:.2f}–{most:.2f})':>14}{row['client_cpu_seconds']:11.2f}")
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
