"""Measures a program's own policy beside a built-in one. Started by Bench/custom; the modules beside this one do the work."""

import argparse
import os
import pathlib

import redis

import frame
import measure
import report
import workload

MOST_RATIO = 1.1
TITLES = {"idle": "nothing running", "built-in": "policy stuck", "own": "policy of its own"}
CONFIGURATION = """\
redis: {url}
cleanups:
  built-in:
    policy: stuck
    every: 15m
    records: job:<id>
    index: jobs:deadlines
    states: [PROCESSING]
    since: [processingStartedAt, updatedAt]
    timeout: 5m
    to: FAILED
    refund: {{amount: tokensCost, balance: user:<userId>:tokens, ledger: user:<userId>:refunds}}
  own:
    policy: late-job
    every: 15m
    records: job:<id>
    index: jobs:deadlines
    late: 5m
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/custom",
        description="Measures a sweep with a program's own policy, beside one with a built-in policy.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="stuck jobs (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over both (default 5)")
    return frame.parse(parser, "jobs", "rounds", program="BenchPolicy")


def variant(bench: measure.Bench, name: str) -> dict:
    """Runs a cleanup over all jobs, verifies the result, and returns its figures."""
    workload.load(bench.client, bench.jobs, stuck=True)
    command = [str(bench.curfew), "run", name, "--json", "--config", str(bench.configuration)]
    return measure.observed(
        bench, command, lambda: workload.verify(bench.client, bench.jobs, name), measure.curfew_result(bench.jobs))


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Rounds over both, which alternate in going first; both are run by the same program."""
    bench = measure.Bench(client, options.curfew.absolute(), folder / "curfew.yaml", options.jobs)
    bench.configuration.write_text(CONFIGURATION.format(url=f"redis://127.0.0.1:{bench.port}/0"))
    names = ["built-in", "own"]
    rounds: dict[str, list[dict]] = {name: [] for name in ["idle", *names]}
    for number in range(options.rounds):
        frame.say(f"Round {number + 1} of {options.rounds}")
        rounds["idle"].append(measure.idle(bench))
        for name in names if number % 2 == 0 else reversed(names):
            rounds[name].append(variant(bench, name))
    variants = {name: report.medians(figures) for name, figures in rounds.items()}
    return {
        "jobs": options.jobs, "rounds": options.rounds, "cores": os.cpu_count(),
        "redis": bench.client.info("server")["redis_version"], "variants": variants,
        "requirements": report.at_most({
            "work of the own policy / of the built-in one":
                (variants["own"]["work_seconds"] / variants["built-in"]["work_seconds"], MOST_RATIO),
        }),
    }


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['jobs']:,} stuck jobs, medians of {figures['rounds']} rounds; Redis {figures['redis']}, "
        f"{figures['cores']} cores",
        "",
        f"{'':20}{'process':>9}{'work':>7}{'(least–most)':>14}{'jobs/s':>10}{'Redis CPU':>12}{'own CPU':>9}"
        f"{'others: p99':>13}",
        f"{'':20}{'s':>9}{'s':>7}{'':14}{'':10}{'µs/job':>12}{'s':>9}{'ms':>13}",
    ]
    for name, row in figures["variants"].items():
        if name == "idle":
            lines.append(f"{TITLES[name]:20}{'':61}{row['probe_p99']:13.2f}")
            continue
        least, most = row["work_seconds_range"]
        lines.append(
            f"{TITLES[name]:20}{row['process_seconds']:9.2f}{row['work_seconds']:7.2f}"
            f"{f'({least:.2f}–{most:.2f})':>14}{figures['jobs'] / row['work_seconds']:10,.0f}"
            f"{row['redis_cpu_microseconds_per_job']:12.1f}{row['client_cpu_seconds']:9.2f}{row['probe_p99']:13.2f}"
        )
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
