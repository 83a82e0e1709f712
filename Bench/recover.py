"""Measures the recovery of stuck jobs. Started by Bench/recover; the modules beside this one do the work."""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile

import redis

import measure
import processes
import report
import workload

LIMIT_MINUTES = 30  # for everything together


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/recover",
        description="Measures the recovery of stuck jobs: Curfew, a server-side floor, and a script written by hand.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="stuck jobs (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all variants (default 5)")
    parser.add_argument("--tracked", type=int, nargs="*", default=[1_000, 1_000_000],
                        help="jobs tracked in the runs with nothing due (default 1000 1000000)")
    parser.add_argument("--skip", action="append", default=[], choices=measure.VARIANTS, metavar="VARIANT",
                        help=f"leave a variant out: {', '.join(measure.VARIANTS)}")
    parser.add_argument("--skip-build", action="store_true", help="take the release binary that is there")
    parser.add_argument("--curfew", type=pathlib.Path, default=pathlib.Path(".build/release/curfew"),
                        help="the binary to measure (default .build/release/curfew)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed or not measured")
    options = parser.parse_args()
    if options.jobs < 1 or options.rounds < 1 or any(tracked < 1 for tracked in options.tracked):
        parser.error("--jobs, --rounds and --tracked must be at least 1")
    if "curfew" not in options.skip and not options.curfew.exists():
        parser.error(f"{options.curfew} isn't there: leave out --skip-build, or give --skip curfew")
    return options


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def measure_all(bench: measure.Bench, options: argparse.Namespace) -> dict:
    """Round after round over all variants, each round in another order; then what is measured once."""
    names = [name for name in measure.VARIANTS if name not in options.skip]
    rounds: dict[str, list[dict]] = {name: [] for name in ["idle", *names]}
    for number in range(options.rounds):
        say(f"Round {number + 1} of {options.rounds}")
        rounds["idle"].append(measure.idle(bench))
        turn = number % max(1, len(names))
        for name in names[turn:] + names[:turn]:
            rounds[name].append(measure.variant(bench, name))
    variants = {name: report.medians(figures) for name, figures in rounds.items()}
    nothing_due, memory = [], []
    if "curfew" in names:
        for tracked in options.tracked:
            say(f"Nothing due of {tracked:,} tracked")
            nothing_due.append(measure.nothing_due(bench, tracked, options.rounds))
        say("Memory")
        memory = [measure.memory(bench, jobs) for jobs in (max(1, options.jobs // 10), options.jobs)]
    return {
        "jobs": options.jobs, "rounds": options.rounds, "cores": os.cpu_count(),
        "redis": bench.client.info("server")["redis_version"], "variants": variants, "nothing_due": nothing_due,
        "memory": memory, "requirements": report.requirements(variants),
    }


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
        bench.configuration.write_text(workload.CONFIGURATION.format(url=f"redis://127.0.0.1:{bench.port}/0"))
        try:
            figures = measure_all(bench, options)
        except (workload.WrongOutcome, processes.ChildFailed, redis.RedisError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(json.dumps(figures, indent=2, ensure_ascii=False) if options.json else report.text(figures))
    missed = [row for row in figures["requirements"] if not row["met"]]
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
