"""Measures the recovery of stuck jobs in a cluster. Started by Bench/cluster; the modules beside this one do the work."""

import argparse
import itertools
import os
import pathlib

import redis

import frame
import measure
import processes
import report
import servers
import workload

LEAST_THROUGHPUT = 0.65  # of a single server, with everything on the cores of one small machine
MOST_CPU = 1.45  # times that of a single server, Curfew included
CONFIGURATION = workload.CONFIGURATION.replace("user:<userId>:tokens", '"{user}:tokens"').replace(
    "user:<userId>:refunds", '"{user}:refunds"')
# The keys of the application: a job and its user. Together, a job, its balance and its ledger share a slot and are written
# in one step. Apart, balance and ledger share a slot other than the job's. Without tags, all three are in different slots.
LAYOUTS = {
    "apart": ("{number:08d}", "user:{{<userId>}}"),
    "together": ("{{u{user}}}:{number:08d}", "user:{{u<userId>}}"),
    "without tags": ("{number:08d}", "user:<userId>"),
}
USUAL = ["apart", "together"]
TITLES = {"single": "single server", "cluster": "three primaries"}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="Bench/cluster",
        description="Measures the recovery of stuck jobs in a cluster of three primaries beside that on a single server.",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="stuck jobs (default 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all variants (default 5)")
    parser.add_argument("--layout", action="append", choices=LAYOUTS, help=f"how job and user share slots (default {' and '.join(USUAL)})")
    return frame.parse(parser, "jobs", "rounds")


def key_of(layout: str, number: int) -> str:
    """The key of a job."""
    return "job:" + LAYOUTS[layout][0].format(number=number, user=number % workload.USERS)


def batches(keys: list[str]) -> list[list[str]]:
    """The keys in parts that one call takes."""
    return [keys[first:first + workload.BATCH] for first in range(0, len(keys), workload.BATCH)]


def load(place: servers.Servers, keys: list[str]) -> None:
    """Empties the servers and fills them with jobs that are past their time by twice the timeout."""
    place.each("FLUSHALL")
    index = place.holder(workload.INDEX)
    start = workload.now_ms(index) - 2 * workload.TIMEOUT_MS
    numbers = {key: number for number, key in enumerate(keys)}
    for client, held in place.by_holder(keys):
        make = client.register_script(workload.script("load_cluster"))
        for part in batches(held):
            make(args=[start, workload.USERS, *itertools.chain(*((numbers[key], key) for key in part))])
    for part in batches(keys):
        index.zadd(workload.INDEX, {
            key.removeprefix("job:"): start - numbers[key] + workload.TIMEOUT_MS for key in part})


def verify(place: servers.Servers, keys: list[str], layout: str) -> None:
    """Raises `WrongOutcome` unless every job failed once, was refunded once and has one event, and nothing else."""
    failed = 0
    for client, held in place.by_holder(keys):
        count = client.register_script(workload.script("verify_cluster"))
        failed += sum(count(args=part) for part in batches(held))
    entries = tokens = 0
    for user in range(workload.USERS):
        name = LAYOUTS[layout][1].format().replace("<userId>", str(user))
        client = place.holder(name + ":refunds")
        entries += client.hlen(name + ":refunds")
        tokens += int(place.holder(name + ":tokens").get(name + ":tokens") or 0)
    jobs = len(keys)
    events = place.holder(workload.EVENTS)
    found = {
        "jobs FAILED": (failed, jobs),
        "ledger entries": (entries, jobs),
        "tokens paid back": (tokens, workload.TOKENS * jobs),
        "jobs left in the index": (place.holder(workload.INDEX).zcard(workload.INDEX), 0),
        "marks left behind": (sum(1 for client in place.clients for _ in client.scan_iter("curfew:*", 1_000)), 0),
    }
    wrong = [f"{what}: {is_}, expected {expected}" for what, (is_, expected) in found.items() if is_ != expected]
    # One more than jobs: a requested run has an event with the person.
    if not min(jobs, workload.EVENTS_KEPT) <= events.xlen(workload.EVENTS) <= jobs + 1:
        wrong.append(f"events: {events.xlen(workload.EVENTS)}, expected {min(jobs, workload.EVENTS_KEPT)}")
    wrong += workload.wrong_event(events)
    if wrong:
        raise workload.WrongOutcome(f"{layout}: " + "; ".join(wrong))


def variant(place: servers.Servers, layout: str, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Lets Curfew recover all jobs, checks that it did, and returns its figures."""
    keys = [key_of(layout, number) for number in range(options.jobs)]
    load(place, keys)
    configuration = folder / "curfew.yaml"
    user = LAYOUTS[layout][1].format()
    configuration.write_text(CONFIGURATION.format(url=place.url, user=user))
    place.each("CONFIG", "SET", "slowlog-log-slower-than", measure.SLOW_MICROSECONDS)
    place.each("SLOWLOG", "RESET")
    before = place.cpu_seconds()
    finished = processes.run([
        str(options.curfew.absolute()), "run", "stuck-jobs", "--json", "--config", str(configuration)])
    spent = [now - then for now, then in zip(place.cpu_seconds(), before)]
    slow = [entry for client in place.clients for entry in client.slowlog_get(10_000)]
    place.each("CONFIG", "SET", "slowlog-log-slower-than", -1)
    verify(place, keys, layout)
    return {
        "process_seconds": finished.seconds,
        "work_seconds": measure.curfew_seconds(finished.output, measure.curfew_result(options.jobs)),
        "client_cpu_seconds": finished.cpu_seconds,
        "redis_cpu_microseconds_per_job": 1e6 * sum(spent) / options.jobs,
        "busiest_cpu_microseconds_per_job": 1e6 * max(spent) / options.jobs,
    } | measure.slow_figures(slow)


def measure_all(client: redis.Redis, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Rounds over both, which alternate in going first."""
    layouts = options.layout or USUAL
    rounds: dict[str, list[dict]] = {f"{name}, {layout}": [] for layout in layouts for name in TITLES}
    with servers.private_cluster() as cluster:
        places = {"single": servers.Servers([client]), "cluster": cluster}
        for number in range(options.rounds):
            frame.say(f"Round {number + 1} of {options.rounds}")
            for layout in layouts:
                for name in places if number % 2 == 0 else reversed(places):
                    rounds[f"{name}, {layout}"].append(variant(places[name], layout, options, folder))
    variants = {name: report.medians(figures) for name, figures in rounds.items()}
    return {
        "jobs": options.jobs, "rounds": options.rounds, "cores": os.cpu_count(),
        "redis": client.info("server")["redis_version"], "variants": variants,
        "requirements": [row for layout in layouts for row in requirements(layout, rounds, options.jobs)],
    }


def total_cpu(row: dict, jobs: int) -> float:
    """The processor time of a job in microseconds: that of all servers, and Curfew's own."""
    return row["redis_cpu_microseconds_per_job"] + 1e6 * row["client_cpu_seconds"] / jobs


def requirements(layout: str, rounds: dict[str, list[dict]], jobs: int) -> list[dict]:
    """Throughput and processor time of the cluster relative to the single server: the medians of the rounds."""
    ratios = report.medians([
        {
            "throughput": single["work_seconds"] / cluster["work_seconds"],
            "cpu": total_cpu(cluster, jobs) / total_cpu(single, jobs),
        }
        for single, cluster in zip(rounds[f"single, {layout}"], rounds[f"cluster, {layout}"])
    ])
    throughput, cpu = ratios["throughput"], ratios["cpu"]
    compared = f"job and user {layout}: three primaries / single server"
    return [
        {"name": f"throughput, {compared}", "value": throughput, "required": f"at least {LEAST_THROUGHPUT:g}",
         "met": throughput >= LEAST_THROUGHPUT},
        {"name": f"processor time, {compared}", "value": cpu, "required": f"at most {MOST_CPU:g}",
         "met": cpu <= MOST_CPU},
    ]


def text(figures: dict) -> str:
    """The whole report for people."""
    lines = [
        f"{figures['jobs']:,} stuck jobs, medians of {figures['rounds']} rounds; Redis {figures['redis']}, "
        f"{figures['cores']} cores",
        "",
        f"{'':32}{'process':>9}{'work':>7}{'(least–most)':>14}{'jobs/s':>9}{'Redis CPU':>12}{'busiest':>10}"
        f"{'own CPU':>10}{'total':>8}{'over 2 ms':>11}",
        f"{'':32}{'s':>9}{'s':>7}{'':14}{'':9}{'µs/job':>12}{'µs/job':>10}{'µs/job':>10}{'µs/job':>8}{'commands':>11}",
    ]
    for name, row in figures["variants"].items():
        server, layout = name.split(", ", 1)
        least, most = row["work_seconds_range"]
        lines.append(
            f"{TITLES[server] + ', ' + layout:32}{row['process_seconds']:9.2f}{row['work_seconds']:7.2f}"
            f"{f'({least:.2f}–{most:.2f})':>14}{figures['jobs'] / row['work_seconds']:9,.0f}"
            f"{row['redis_cpu_microseconds_per_job']:12.1f}{row['busiest_cpu_microseconds_per_job']:10.1f}"
            f"{1e6 * row['client_cpu_seconds'] / figures['jobs']:10.1f}{total_cpu(row, figures['jobs']):8.1f}"
            f"{row['slow_commands']:11}"
        )
    lines.append("")
    lines += [
        f"Slowest of {name}: {row['slowest']}" for name, row in figures["variants"].items() if row["slowest"]
    ]
    lines.append("")
    lines += [
        f"{row['name']:72}{row['value']:5.2f}  {row['required']}  {'met' if row['met'] else 'MISSED'}"
        for row in figures["requirements"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    frame.start(arguments, measure_all, text)
