"""Measures the recovery of stuck jobs. Started by Bench/recover; the modules beside this one do the work."""

import argparse
import os
import pathlib

import redis

import frame
import measure
import report
import workload


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
    return frame.parse(parser, "jobs", "rounds", "tracked", missed="missed or not measured")


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Rounds over all variants, each in another order; then the measurements that are made once."""
    bench = measure.Bench(client, options.curfew.absolute(), folder / "curfew.yaml", options.jobs)
    bench.configuration.write_text(workload.CONFIGURATION.format(url=f"redis://127.0.0.1:{bench.port}/0"))
    names = [name for name in measure.VARIANTS if name not in options.skip]
    rounds: dict[str, list[dict]] = {name: [] for name in ["idle", *names]}
    for number in range(options.rounds):
        frame.say(f"Round {number + 1} of {options.rounds}")
        rounds["idle"].append(measure.idle(bench))
        turn = number % max(1, len(names))
        for name in names[turn:] + names[:turn]:
            rounds[name].append(measure.variant(bench, name))
    variants = {name: report.medians(figures) for name, figures in rounds.items()}
    nothing_due, memory = [], []
    if "curfew" in names:
        for tracked in options.tracked:
            frame.say(f"Nothing due of {tracked:,} tracked")
            nothing_due.append(measure.nothing_due(bench, tracked, options.rounds))
        frame.say("Memory")
        memory = [measure.memory(bench, jobs) for jobs in (max(1, options.jobs // 10), options.jobs)]
    return {
        "jobs": options.jobs, "rounds": options.rounds, "cores": os.cpu_count(),
        "redis": bench.client.info("server")["redis_version"], "variants": variants, "nothing_due": nothing_due,
        "memory": memory, "requirements": report.requirements(variants),
    }


if __name__ == "__main__":
    frame.start(arguments, measure_all, report.text)
