"""Measures the recovery of jobs in registries. Started by Bench/registry; the modules beside this one do the work."""

import argparse
import dataclasses
import os
import pathlib
import statistics

import redis

import frame
import measure
import processes
import registries
import report

CALL_SIZE = 64
MOST_WAIT_RATIO = 1.5
MOST_COMMANDS = 6
MOST_MILLISECONDS = 1
# The floor writes down each change as Curfew does, so that it can be undone: an event with what was there before, the
# note that a job was recovered, the deleted key in the trash. The bare one only makes the change; it has no target.
TITLES = {"curfew": "curfew run", "floor": "floor, 64 a call", "bare": "bare floor, 64 a call"}
SCRIPT_KINDS = {"floor": "whole", "bare": "bare"}
QUIET = {"rq:wip:default": "one registry", "rq:wip:<queue>": "registries that are looked for"}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/registry",
        description="Measures the recovery of jobs in the registries of job systems: Curfew, and a loop inside Redis.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="stuck jobs (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all variants (default 5)")
    parser.add_argument("--members", type=int, default=1_000_000,
                        help="members of the registry in the runs with nothing due (default 1000000)")
    parser.add_argument("--shape", action="append", choices=registries.SHAPES,
                        help="a shape to measure; can be repeated (default all)")
    parser.add_argument("--skip", action="append", default=[], choices=TITLES, metavar="VARIANT",
                        help=f"leave a variant out: {', '.join(TITLES)}")
    return frame.parse(parser, "jobs", "rounds", "members")


def variant(bench: measure.Bench, shape: registries.Shape, name: str) -> dict:
    """Runs a variant over all jobs of a shape, verifies the result, and returns its figures."""
    now = shape.load(bench.client, bench.jobs)
    command, expected = bench.curfew_command(), curfew_result(bench.jobs)
    if name != "curfew":
        expected = None
        command = processes.python(
            "floor.py", bench.port, CALL_SIZE, shape.script, shape.registry, *shape.floor_arguments(now),
            SCRIPT_KINDS[name])
    return measure.observed(
        bench, command, lambda: shape.verify(bench.client, bench.jobs, now, name), expected)


def curfew_result(jobs: int) -> dict:
    """The expected result of Curfew for this many jobs."""
    return {
        "status": "completed", "totalFound": jobs, "cleanedUp": jobs, "retried": jobs, "failed": 0, "skipped": 0,
    }


def nothing_due(bench: measure.Bench, runs: int) -> dict:
    """Runs with nothing to do, on a server that knows Curfew: their duration and their commands."""
    processes.run(bench.curfew_command())  # loads the functions, and finds the registries
    finished = [processes.run(bench.curfew_command()) for _ in range(runs)]
    commands = measure.commands_of_a_run(bench)
    return {
        "process_seconds": statistics.median(run.seconds for run in finished),
        "work_seconds": statistics.median(measure.curfew_seconds(run.output, curfew_result(0)) for run in finished),
        "commands": sum(commands.values()),
        "by_command": dict(commands),
    }


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Rounds over all shapes and variants, each in another order; then the runs with nothing due."""
    bench = measure.Bench(client, options.curfew.absolute(), folder / "curfew.yaml", options.jobs)
    url = f"redis://127.0.0.1:{bench.port}/0"
    names = [name for name in TITLES if name not in options.skip]
    shapes = [registries.SHAPES[name] for name in options.shape or registries.SHAPES]
    benches = {}
    for shape in shapes:
        benches[shape.name] = dataclasses.replace(bench, configuration=folder / f"{shape.name}.yaml")
        benches[shape.name].configuration.write_text(shape.configuration.replace("URL", url))
    idle: list[dict] = []
    rounds: dict[str, dict[str, list[dict]]] = {shape.name: {name: [] for name in names} for shape in shapes}
    for number in range(options.rounds):
        frame.say(f"Round {number + 1} of {options.rounds}")
        idle.append(measure.idle(bench))
        turn = number % max(1, len(names))
        for shape in shapes:
            for name in names[turn:] + names[:turn]:
                rounds[shape.name][name].append(variant(benches[shape.name], shape, name))
    figures = {
        shape: {name: report.medians(values) for name, values in variants.items()}
        for shape, variants in rounds.items()
    }
    quiet = {}
    if "curfew" in names:
        frame.say(f"Nothing due of {options.members:,} members")
        registries.load_quiet(client, options.members)
        for registry in QUIET:
            bench.configuration.write_text(registries.rq(registries.BY_SCORE, registry).replace("URL", url))
            quiet[registry] = nothing_due(bench, options.rounds)
    return {
        "jobs": options.jobs, "members": options.members, "rounds": options.rounds, "cores": os.cpu_count(),
        "redis": client.info("server")["redis_version"], "idle": report.medians(idle), "shapes": figures,
        "nothing_due": quiet, "requirements": requirements(figures, quiet),
    }


def requirements(figures: dict, quiet: dict) -> list[dict]:
    """Each requirement that was measured; Curfew's figures include the start of its process."""
    values = {}
    for name, variants in figures.items():
        if not {"curfew", "floor"} <= set(variants):
            continue
        shape, curfew, floor = registries.SHAPES[name], variants["curfew"], variants["floor"]
        values |= {
            f"{shape.title}: curfew's process / work of the floor":
                (curfew["process_seconds"] / floor["work_seconds"], shape.most_ratio),
            f"{shape.title}: p99 of others, curfew / floor":
                (curfew["probe_p99"] / floor["probe_p99"], MOST_WAIT_RATIO),
        }
    if quiet:
        run = quiet[registries.RQ_REGISTRY]
        values |= {
            "nothing due: commands": (run["commands"], MOST_COMMANDS),
            "nothing due: work, ms": (1_000 * run["work_seconds"], MOST_MILLISECONDS),
        }
    return report.at_most(values)


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['jobs']:,} stuck jobs in a registry, medians of {figures['rounds']} rounds; "
        f"Redis {figures['redis']}, {figures['cores']} cores",
        "",
        f"{'':38}{'process':>9}{'work':>7}{'(least–most)':>14}{'jobs/s':>9}{'Redis CPU':>11}{'own CPU':>9}"
        f"{'others: p50':>13}{'p99':>8}{'max':>8}{'over 2 ms':>11}",
        f"{'':38}{'s':>9}{'s':>7}{'':14}{'':9}{'µs/job':>11}{'s':>9}{'ms':>13}{'ms':>8}{'ms':>8}{'commands':>11}",
        f"{'nothing running':38}{'':59}{latencies(figures['idle'])}",
    ]
    slowest = []
    for shape, variants in figures["shapes"].items():
        for name, row in variants.items():
            title = f"{registries.SHAPES[shape].title}: {TITLES[name]}"
            least, most = row["work_seconds_range"]
            lines.append(
                f"{title:38}{row['process_seconds']:9.2f}{row['work_seconds']:7.2f}{f'({least:.2f}–{most:.2f})':>14}"
                f"{figures['jobs'] / row['work_seconds']:9,.0f}{row['redis_cpu_microseconds_per_job']:11.1f}"
                f"{row['client_cpu_seconds']:9.2f}{latencies(row)}{row['slow_commands']:11}"
            )
            slowest += [f"Slowest of {title}: {row['slowest']}"] if row["slowest"] else []
    lines += ["", *slowest]
    for registry, row in figures["nothing_due"].items():
        commands = ", ".join(f"{name} ×{count}" for name, count in row["by_command"].items())
        lines.append(
            f"Nothing due of {figures['members']:,} members, {QUIET[registry]} ({registry}): "
            f"{1_000 * row['work_seconds']:.0f} ms ({1_000 * row['process_seconds']:.0f} ms with the start of the "
            f"process), {row['commands']} commands ({commands})"
        )
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 56)])


def latencies(row: dict) -> str:
    """The columns of the probe."""
    return f"{row['probe_p50']:13.2f}{row['probe_p99']:8.2f}{row['probe_max']:8.2f}"


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
