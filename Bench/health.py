"""Measures requests a second at /healthz. Started by Bench/health; the modules beside this one do the work."""

import argparse
import os
import pathlib
import re
import statistics
import subprocess

import redis

import frame
import processes
import report

MOST_RATIO = 2
CONFIGURATION = """\
redis: redis://127.0.0.1:{port}/0
http: {{listen: "127.0.0.1:0"}}
cleanups:
  locks: {{policy: locks, every: 1h, records: "lock:<id>", index: locks, since: [at], timeout: 3h}}
"""
TITLES = {"hello": "bare Hummingbird", "curfew": "curfew serve"}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/health",
        description="Measures requests a second at /healthz: `curfew serve`, and a bare Hummingbird server.",
    )
    parser.add_argument("--seconds", type=int, default=5, help="how long each is loaded in a round (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over both (default 3)")
    parser.add_argument("--connections", type=int, default=32, help="connections at once (default 32)")
    parser.add_argument("--hello", type=pathlib.Path, default=pathlib.Path(".build/release/BenchHello"),
                        help="the bare server (default .build/release/BenchHello)")
    options = frame.parse(parser, "seconds", "rounds", "connections")
    if not options.hello.exists():
        parser.error(f"{options.hello} isn't there: leave out --skip-build")
    return options


def requests_per_second(port: int, options: argparse.Namespace) -> float:
    """Loads a server and returns its requests per second; raises if an answer was not 200."""
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", f"http://127.0.0.1:{port}/healthz"]
    text = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=options.seconds + 30,
        preexec_fn=processes.die_with_parent,
    ).stdout
    found = re.search(r"Requests/sec: +([\d.]+)", text)
    if not found or "Non-2xx" in text or "Socket errors" in text:
        raise processes.ChildFailed(f"{' '.join(command)}\n{text}")
    return float(found[1])


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Both servers, loaded in turn."""
    port = client.connection_pool.connection_kwargs["port"]
    configuration = folder / "curfew.yaml"
    configuration.write_text(CONFIGURATION.format(port=port))
    serve = [str(options.curfew.absolute()), "serve", "--config", str(configuration)]
    answers: dict[str, list[float]] = {name: [] for name in TITLES}
    with (
        processes.working([str(options.hello.absolute())], folder / "hello") as hello,
        processes.working(serve, folder / "curfew") as curfew,
    ):
        ports = {
            "hello": processes.listening_port(hello, folder / "hello"),
            "curfew": processes.listening_port(curfew, folder / "curfew"),
        }
        for number in range(options.rounds):
            frame.say(f"Round {number + 1} of {options.rounds}")
            for name in TITLES if number % 2 == 0 else reversed(TITLES):
                answers[name].append(requests_per_second(ports[name], options))
    rates = {name: statistics.median(values) for name, values in answers.items()}
    return {
        "connections": options.connections, "rounds": options.rounds, "cores": os.cpu_count(),
        "requests_per_second": rates, "all": answers,
        "requirements": report.at_most(
            {"requests a second: bare Hummingbird / curfew serve": (rates["hello"] / rates["curfew"], MOST_RATIO)}),
    }


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"/healthz over {figures['connections']} connections, medians of {figures['rounds']} rounds; "
        f"{figures['cores']} cores", "", f"{'':18}{'requests/s':>12}{'(least–most)':>20}",
    ]
    for name, rate in figures["requests_per_second"].items():
        values = figures["all"][name]
        lines.append(f"{TITLES[name]:18}{rate:12,.0f}{f'({min(values):,.0f}–{max(values):,.0f})':>20}")
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
