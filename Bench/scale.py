"""Measures Curfew with very many records. Started by Bench/scale; the modules beside this one do the work."""

import argparse
import os
import pathlib
import statistics

import redis

import frame
import many
import report
import scan

LIMIT_MINUTES = 60
# Questions that read every event, or list every due record, as many as there are.
GROWING = {"events of a record", "preview"}
MOST_GROWTH, MOST_SLOWER, MOST_MEMORY_GROWTH, MOST_STREAM_COST, MOST_BYTES = 1.5, 1.25, 1.25, 1.2, 128

PARTS = ["scan", "tracked", "due", "history"]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/scale",
        description="Measures what grows with the number of records: a scan of the keyspace, an index that Curfew "
        "keeps itself, a run over very many due records, and runs beside a history of full length.",
        epilog="The defaults need about 4 GB of memory. Try it with --keys 100000 --records 100000 --due 100000.",
    )
    parser.add_argument("--keys", type=int, default=10_000_000, help="keys that are scanned (default 10000000)")
    parser.add_argument("--records", type=int, default=10_000_000, help="records tracked, none due (default 10000000)")
    parser.add_argument("--due", type=int, default=1_000_000, help="due records of one run (default 1000000)")
    parser.add_argument("--history", type=int, default=100_000,
                        help="entries of events, runs and metrics (default 100000, as many as Curfew keeps)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of what is short (default 3)")
    parser.add_argument("--skip", action="append", default=[], choices=PARTS, metavar="PART",
                        help=f"leave a part out: {', '.join(PARTS)}")
    return frame.parse(parser, "keys", "records", "due", "history", "rounds")


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """All parts."""
    measurement = many.Measurement(client, options, folder)
    parts = {part: getattr(measurement, part)() for part in PARTS if part not in options.skip}
    sizes = {name: getattr(options, name) for name in ("keys", "records", "due", "history")}
    return sizes | {
        "rounds": options.rounds, "cores": os.cpu_count(), "redis": client.info("server")["redis_version"],
        "parts": parts, "requirements": requirements(parts),
    }


def requirements(parts: dict) -> list[dict]:
    """What must not grow faster than its work, of the parts that were measured."""
    values = {}
    if "scan" in parts:
        values |= {
            f"scan: {row['name']}": (row["value"], row["most"]) for row in parts["scan"]["requirements"]
        }
    if "tracked" in parts:
        few, much = parts["tracked"].values()
        values |= {
            "tracked: bytes a record": (much["bytes_per_record"], MOST_BYTES),
            "tracked: commands of a run, many / few": (much["commands"] / few["commands"], 1),
            "tracked: Redis for a run, many / few":
                (much["redis_microseconds"] / few["redis_microseconds"], MOST_GROWTH),
        }
        values |= growth("tracked", "many / few", few["questions"], much["questions"])
    if "due" in parts:
        due = parts["due"]
        for kind in ("questions", "pages"):
            values |= growth("due", "many / few", *due[kind].values())
        rates, memory = due["jobs_per_second"], due["memory_bytes"]
        half = many.TENTHS // 2
        values |= {
            "due: speed of the first half / of the second":
                (statistics.harmonic_mean(rates[:half]) / statistics.harmonic_mean(rates[half:]), MOST_SLOWER),
            "due: memory of the last tenth / of the first": (memory[-1] / memory[0], MOST_MEMORY_GROWTH),
        }
    if "history" in parts:
        short, full = (parts["history"]["runs"][kind] for kind in ("short", "full"))
        cost = "redis_cpu_microseconds_per_job"
        values["history: Redis for a record, full / short"] = (full[cost] / short[cost], MOST_STREAM_COST)
        for kind in ("questions", "pages"):
            values |= growth("history", "full / short", *parts["history"][kind].values())
    return report.at_most(values)


def growth(part: str, which: str, few: dict, much: dict) -> dict[str, tuple[float, float]]:
    """How much longer each question or page takes with many than with few."""
    return {
        f"{part}: {name}, {which}": (time / few[name], MOST_GROWTH)
        for name, time in much.items() if name not in GROWING and not name.endswith(many.AFTER)
    }


def asked(title: str, questions: dict) -> str:
    """A line of what commands or pages take."""
    return f"    {title}: " + ", ".join(f"{name} {time:,.1f}" for name, time in questions.items())


def text(figures: dict) -> str:
    """The whole report for people."""
    parts, lines = figures["parts"], [f"Redis {figures['redis']}, {figures['cores']} cores"]
    if "scan" in parts:
        lines += ["", "Scan of the keyspace", scan.table(parts["scan"]),
                  f"The index takes {parts['scan']['index_bytes_per_record']:.1f} bytes a record"]
    if "tracked" in parts:
        lines += ["", "An index that Curfew keeps, nothing due"]
    for records, row in parts.get("tracked", {}).items():
        commands = ", ".join(f"{name} ×{count}" for name, count in row["by_command"].items())
        lines += [
            f"{int(records):,} tracked: {row['bytes_per_record']:.1f} bytes a record "
            f"({row['used_bytes_per_record']:.1f} of Redis's memory); a run takes {row['milliseconds']:g} ms, and",
            f"    with the ticks around it {row['redis_microseconds']:,.0f} µs of Redis in {row['commands']} commands",
            f"    ({commands})", asked("ms with the process", row["questions"]),
        ]
    if "due" in parts:
        due = parts["due"]
        lines += [
            "", f"One run over {due['jobs']:,} due records: {due['process_seconds']:.1f} s, Redis "
            f"{due['redis_cpu_microseconds_per_job']:.1f} µs and Curfew "
            f"{due['client_cpu_microseconds_per_job']:.1f} µs a record",
            f"    others p50 {due['probe_p50']:.2f}, p99 {due['probe_p99']:.2f}, max {due['probe_max']:.2f} ms; "
            f"{due['slow_commands']} commands over 2 ms, the slowest {due['slowest']}",
        ]
        for count, times in due["questions"].items():
            lines += [asked(f"{int(count):,} due, ms with the process", times),
                      asked(f"{int(count):,} due, ms of a page", due["pages"][count])]
        lines += [
            f"{'    records/s by tenths':26}" + "".join(f"{rate:9,.0f}" for rate in due["jobs_per_second"]),
            f"{'    memory by tenths, MB':26}" + "".join(f"{memory / 1e6:9,.1f}" for memory in due["memory_bytes"]),
        ]
    if "history" in parts:
        history = parts["history"]
        sizes = ", ".join(f"{key} {stream['entries']:,} × {stream['bytes_per_entry']:,.0f} bytes"
                          for key, stream in history["streams"].items())
        lines += ["", f"{history['jobs']:,} due records beside a history: {sizes}"]
    for kind, run in parts.get("history", {}).get("runs", {}).items():
        lines += [
            f"    {kind}: {run['process_seconds']:.2f} s, Redis {run['redis_cpu_microseconds_per_job']:.1f} µs a "
            f"record; others p50 {run['probe_p50']:.2f}, p99 {run['probe_p99']:.2f}, max {run['probe_max']:.2f} ms",
            asked("ms with the process", parts["history"]["questions"][kind]),
            asked("ms of a page", parts["history"]["pages"][kind]),
        ]
    return "\n".join([*lines, "", *report.bounds(figures["requirements"], 52)])


if __name__ == "__main__":
    frame.start(arguments, measure_all, text, minutes=LIMIT_MINUTES)
