"""Checks the queries of the dashboard and of the rules: names against the sources, and answers of a Prometheus.

Usage: queries.py list FILE: writes them as a file of rules, which promtool can check
       queries.py names: that Curfew publishes every metric that they name
       queries.py ask URL: that a Prometheus at that address answers each of them, those of the fleet with something
"""

import json
import pathlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
DASHBOARD, RULES = DEPLOY / "grafana/curfew.json", DEPLOY / "prometheus/rules.yml"
# The panels that have something to show as soon as one worker lives and one run has ended.
FILLED = [
    "Workers alive", "Instances that reach Redis", "Memory of instances", "States", "Due in", "Tracked records",
    "Records that are due", "Time to read the schedule",
]


class Failed(Exception):
    """Something is not as it ought to be."""


def dashboard() -> dict[str, list[str]]:
    """The queries of the dashboard by panel, without its variables."""
    found: dict[str, list[str]] = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$cleanup", ".*").replace("$__rate_interval", "5m")
            if "$" in query:
                raise Failed(f"grafana/curfew.json, {panel['title']}: a variable that isn't known: {query}")
            found.setdefault(panel["title"], []).append(query)
    return found


def rules() -> dict[str, str]:
    """The expressions of the rules by their names."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule.get("record") or rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def write_list(path: str) -> None:
    """Every query of the dashboard as a recording rule."""
    queries = [query for panel in dashboard().values() for query in panel]
    recorded = [{"record": f"dashboard:query{number}:x", "expr": query} for number, query in enumerate(queries)]
    pathlib.Path(path).write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))


def check_names() -> None:
    """That each metric is one that the sources write, and each recorded one is a rule."""
    sources = "".join(path.read_text() for path in (DEPLOY.parent / "Sources/Admin").rglob("*.swift"))
    published = set(re.findall(r'"(curfew_[a-z_]+)"', sources))
    used = [query for panel in dashboard().values() for query in panel] + list(rules().values())
    named = {name for query in used for name in re.findall(r"\bcurfew[_:][a-z0-9_:]+", query)}
    missing = {
        name for name in named
        if (name not in rules() if ":" in name else re.sub(r"_(bucket|sum|count)$", "", name) not in published)}
    if missing:
        raise Failed(f"no such metric: {sorted(missing)}")
    table = (DEPLOY.parent / "Sources/Curfew/Curfew.docc/Operating.md").read_text()
    if unexplained := [name for name in rules() if name.startswith("Curfew") and f"`{name}`" not in table]:
        raise Failed(f"Operating.md doesn't name the alerts {unexplained}")
    print(f"✔ {len(named)} metrics are named by {len(used)} queries, and published")


def ask(url: str) -> None:
    """Every query, of a Prometheus that has scraped a worker."""
    filled = 0
    queries = [(title, query) for title, panel in dashboard().items() for query in panel] + list(rules().items())
    for title, query in queries:
        try:
            with urllib.request.urlopen(
                f"{url}/api/v1/query?" + urllib.parse.urlencode({"query": query}), timeout=10
            ) as answer:
                result = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise Failed(f"{title}: {query}: {error.read().decode()}") from None
        filled += bool(result)
        if title in FILLED and not result:
            raise Failed(f"{title} shows nothing: {query}")
    print(f"✔ a Prometheus answers all of {len(queries)} queries, {filled} of them with values")


def main() -> int:
    """What the first argument says; 1 where something is wrong, 2 for wrong usage."""
    try:
        match sys.argv[1:]:
            case ["list", path]:
                write_list(path)
            case ["names"]:
                check_names()
            case ["ask", url]:
                ask(url)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (Failed, OSError) as error:
        print(f"✘ {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
