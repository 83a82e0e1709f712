"""The frame of each benchmark: its command line, its limit, the private Redis, the report and the exit code."""

import argparse
import json
import pathlib
import signal
import sys
import tempfile
from collections.abc import Callable

import redis

import processes
import workload

LIMIT_MINUTES = 30  # for a whole benchmark, unless it says otherwise
Measure = Callable[[redis.Redis, argparse.Namespace, pathlib.Path], dict]


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def parse(
    parser: argparse.ArgumentParser, *counts: str, missed: str = "missed", program: str = "curfew",
) -> argparse.Namespace:
    """Adds the options that all benchmarks have, and reads the command line.

    `counts` are the options that are numbers, or lists of numbers, from 1 up; `missed` says when `--check` fails;
    `program` is the one that is measured, where it isn't `curfew`.
    """
    parser.add_argument("--skip-build", action="store_true", help="take the release binary that is there")
    parser.add_argument("--curfew", type=pathlib.Path, default=pathlib.Path(f".build/release/{program}"),
                        help=f"the binary to measure (default .build/release/{program})")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--check", action="store_true", help=f"exit with 1 where a requirement is {missed}")
    options = parser.parse_args()
    values = [getattr(options, name) for name in counts]
    if any(number < 1 for value in values for number in (value if isinstance(value, list) else [value])):
        names = [f"--{name}" for name in counts]
        parser.error(f"{', '.join(names[:-1])} and {names[-1]} must be at least 1")
    skipped = getattr(options, "skip", [])
    if "curfew" not in skipped and not options.curfew.exists():
        instead = ", or give --skip curfew" if hasattr(options, "skip") else ""
        parser.error(f"{options.curfew} isn't there: leave out --skip-build{instead}")
    return options


def run(options: argparse.Namespace, measure: Measure, text: Callable[[dict], str], minutes: int) -> int:
    """Measures with a private Redis and a folder, prints the report, and returns the exit code."""
    def stop(number: int, _: object) -> None:
        """Ends the benchmark and its child processes."""
        limit = f"not finished after {minutes} minutes" if number == signal.SIGALRM else signal.strsignal(number)
        raise SystemExit(f"error: {limit}")

    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    signal.alarm(60 * minutes)
    with processes.private_redis() as client, tempfile.TemporaryDirectory(prefix="curfew-bench-") as folder:
        try:
            report = measure(client, options, pathlib.Path(folder))
        except (workload.WrongOutcome, processes.ChildFailed, redis.RedisError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(json.dumps(report, indent=2, ensure_ascii=False) if options.json else text(report))
    missed = [row for row in report["requirements"] if not row["met"]]
    return 1 if options.check and missed else 0


def start(
    arguments: Callable[[], argparse.Namespace], measure: Measure, text: Callable[[dict], str], *,
    minutes: int = LIMIT_MINUTES,
) -> None:
    """Runs a benchmark as the main program: its command line, its measurements, the report for people."""
    try:
        sys.exit(run(arguments(), measure, text, minutes))
    except KeyboardInterrupt:
        sys.exit(130)
