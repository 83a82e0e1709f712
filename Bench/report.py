"""Medians, their requirements, and the table for people."""

import statistics

# The requirements: a description, one figure relative to another, and the limit. Curfew's figures include the start of
# its process; those of the floor don't include that of Python.
REQUIREMENTS = [
    ("curfew's process / work of the floor at 64 a call", ("curfew", "process_seconds"), ("floor-64", "work_seconds"),
     "at most", 1.25),
    ("process of the script by hand / curfew's process", ("by-hand", "process_seconds"), ("curfew", "process_seconds"),
     "at least", 2.0),
    ("p99 of others: curfew / floor at 64 a call", ("curfew", "probe_p99"), ("floor-64", "probe_p99"), "at most", 1.5),
]
TITLES = {
    "idle": "nothing running", "curfew": "curfew run", "floor-64": "floor, 64 a call",
    "floor-1000": "floor, 1,000 a call", "by-hand": "by hand (redis-py)",
}

HEADINGS = "{:21}{:>9}{:>7}{:>14}{:>10}{:>11}{:>9}{:>13}{:>8}{:>8}{:>11}"
FIGURES = "{:21}{:9.2f}{:7.2f}{:>14}{:10,.0f}{:11.1f}{:9.2f}{:13.2f}{:8.2f}{:8.2f}{:11}"


def medians(rounds: list[dict]) -> dict:
    """The median of each figure over the rounds; slow commands are added up, since none is allowed."""
    figures = {}
    for name in rounds[0]:
        values = [figure[name] for figure in rounds]
        if name == "slow_commands":
            figures[name] = sum(values)
        elif name == "slowest":
            figures[name] = max(values, key=lambda text: int(text.split()[-2]) if text else 0)
        else:
            figures[name] = statistics.median(values)
    if "work_seconds" in figures:
        work = [figure["work_seconds"] for figure in rounds]
        figures["work_seconds_range"] = [min(work), max(work)]
    return figures


def requirements(variants: dict) -> list[dict]:
    """Each requirement with its value and whether it is met; None if a variant was skipped."""
    rows = []
    for title, over, under, direction, bound in REQUIREMENTS:
        value = met = None
        if over[0] in variants and under[0] in variants:
            value = variants[over[0]][over[1]] / variants[under[0]][under[1]]
            met = value <= bound if direction == "at most" else value >= bound
        rows.append({"name": title, "value": value, "required": f"{direction} {bound:g}", "met": met})
    slow = variants["curfew"]["slow_commands"] if "curfew" in variants else None
    rows.append({
        "name": "commands of curfew over 2 ms, all rounds together", "value": slow, "required": "at most 0",
        "met": None if slow is None else slow == 0,
    })
    return rows


def text(report: dict) -> str:
    """The whole report as tables."""
    lines = [
        f"{report['jobs']:,} stuck jobs, medians of {report['rounds']} rounds; Redis {report['redis']}, "
        f"{report['cores']} cores",
        "",
        HEADINGS.format("", "process", "work", "(least–most)", "jobs/s", "Redis CPU", "own CPU", "others: p50", "p99",
                        "max", "over 2 ms"),
        HEADINGS.format("", "s", "s", "", "", "µs/job", "s", "ms", "ms", "ms", "commands"),
    ]
    lines += [variant_row(name, figures, report["jobs"]) for name, figures in report["variants"].items()]
    lines.append("")
    lines += [
        f"Slowest of {TITLES[name]}: {figures['slowest']}"
        for name, figures in report["variants"].items() if figures.get("slowest")
    ]
    noise = report["variants"].get("by-hand", {}).get("slow_commands")
    if noise:
        lines.append(f"By hand, each command takes some 15 µs: its {noise} over 2 ms are this machine's own noise.")
    for row in report["nothing_due"]:
        commands = ", ".join(f"{name} ×{count}" for name, count in row["by_command"].items())
        lines.append(
            f"Nothing due of {row['tracked']:,} tracked: {1_000 * row['work_seconds']:.0f} ms "
            f"({1_000 * row['process_seconds']:.0f} ms with the start of the process), "
            f"{row['commands']} commands ({commands})"
        )
    for row in report["memory"]:
        lines.append(f"Most memory with {row['due']:,} due: {row['peak_bytes'] / 1_048_576:.1f} MiB")
    lines.append("")
    for row in report["requirements"]:
        verdict = {True: "met", False: "MISSED", None: "not measured"}[row["met"]]
        value = "–" if row["value"] is None else f"{row['value']:.2f}".removesuffix(".00")
        lines.append(f"{row['name']:52}{value:>7}  {row['required']:14}{verdict}")
    return "\n".join(lines)


def variant_row(name: str, figures: dict, jobs: int) -> str:
    """One line of the table."""
    probe = (figures["probe_p50"], figures["probe_p99"], figures["probe_max"])
    if name == "idle":
        return HEADINGS.format(TITLES[name], *[""] * 6, *(f"{value:.2f}" for value in probe), "").rstrip()
    least, most = figures["work_seconds_range"]
    return FIGURES.format(
        TITLES[name], figures["process_seconds"], figures["work_seconds"], f"({least:.2f}–{most:.2f})",
        jobs / figures["work_seconds"], figures["redis_cpu_microseconds_per_job"], figures["client_cpu_seconds"],
        *probe, figures["slow_commands"],
    )


def at_most(values: dict[str, tuple[float, float]]) -> list[dict]:
    """Requirements with an upper limit: for each name the value and the limit."""
    return [{"name": name, "value": value, "most": most, "met": value <= most}
            for name, (value, most) in values.items()]


def bounds(rows: list[dict], width: int) -> list[str]:
    """A line for each requirement of `at_most`."""
    return [
        f"{row['name']:{width}}{row['value']:7.2f}  at most {row['most']:<6g}{'met' if row['met'] else 'MISSED'}"
        for row in rows
    ]
