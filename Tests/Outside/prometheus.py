"""Reads /metrics as operators do: with promtool, and by a real Prometheus. Started by Tests/Outside/run."""

import json
import pathlib
import random
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import instance
import scenery
from instance import ADMIN, VIEWER, Failed, Instance, Process, eventually, free_port

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: curfew
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ['{target}']}}]
"""


def call(url: str, token: str | None = None, data: bytes | None = None) -> str:
    """What a URL answers."""
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def check_text(stage: Instance) -> None:
    """That promtool has nothing to object to, and that nobody else may read it."""
    try:
        call(f"{stage.url}/metrics")
        raise Failed("/metrics is for everybody: expected 401")
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise Failed(f"/metrics without a token: {error.code}, expected 401") from None
    text = call(f"{stage.url}/metrics", VIEWER)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    if checked.returncode != 0 or checked.stderr:
        raise Failed(f"promtool: {checked.stdout}{checked.stderr}")
    print(f"✔ promtool has nothing to object to in {len(text.splitlines())} lines")


def write_types(stage: Instance) -> int:
    """Makes stuck jobs whose types are what has broken the format before, and any bytes; returns how many."""
    made, pieces = random.Random(12), [*scenery.TYPES, b'"', b"\\", b"\n", b"\r", b"\xcc\x81", b"\xff", b"\x00", b"{", b"}"]
    types = scenery.TYPES + [b"".join(made.choices(pieces, k=made.randint(1, 6))) for _ in range(60)]
    for number, kind in enumerate(types):
        stage.redis.hset(f"job:type-{number}", mapping={
            "status": "RUNNING", "at": stage.now - 10 * scenery.MINUTE, "cost": 1, "user": "u", "tier": kind})
        stage.redis.zadd("jobs", {f"type-{number}": stage.now - 5 * scenery.MINUTE})
    return len(types)


class Prometheus:
    """A Prometheus that scrapes one instance every second."""

    def __init__(self, stage: Instance) -> None:
        folder = pathlib.Path(stage.folder)
        configuration = folder / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(token=VIEWER, target=stage.url.removeprefix("http://")))
        self.url = f"127.0.0.1:{free_port()}"
        self.process = Process([
            "prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={self.url}"], folder / "prometheus.log")
        stage.processes.append(self.process)

    def value(self, query: str) -> float | None:
        """The sum that a query comes to now; None where there is nothing yet."""
        self.process.output()
        try:
            text = call(f"http://{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
        except urllib.error.URLError:
            return None
        found = json.loads(text)["data"]["result"]
        return sum(float(sample["value"][1]) for sample in found) if found else None

    def expect(self, query: str, value: float) -> None:
        """Waits until a query comes to a value."""
        eventually(f"{query} is {value}", lambda: self.value(query) == value)
        print(f"✔ {query} is {value:g}")


def main() -> int:
    """One run, and everything that Prometheus is to know of it; then Redis goes away and comes back."""
    try:
        with instance.running(
            instance.curfew_path(), scenery.CLEANUPS + scenery.FILES, scenery.prepare
        ) as stage:
            call(f"{stage.url}/api/v1/cleanups/stuck-jobs/runs", ADMIN, b"{}")
            check_text(stage)
            prometheus = Prometheus(stage)
            for query, value in [
                ('up{job="curfew"}', 1), ("curfew_redis_up", 1), ("curfew_instances", 1),
                ('curfew_runs_total{cleanup="stuck-jobs",status="completed_with_errors"}', 1),
                ('curfew_records_changed_total{cleanup="stuck-jobs"}', 6),
                ('curfew_records_failed_total{cleanup="stuck-jobs"}', 1),
                ('curfew_records_seen_total{cleanup="stuck-jobs"}', 7),
                ('curfew_cleanup_stalled_records{cleanup="stuck-jobs"}', 0),
                ('curfew_tokens_refunded_total{cleanup="stuck-jobs"}', 54),
                ('curfew_timeouts_total{cleanup="stuck-jobs"}', 6),
                ('curfew_leases_total{cleanup="stuck-jobs"}', 1),
                ('curfew_cleanup_backlog_records{cleanup="slow-jobs"}', scenery.SLOW),
                ('curfew_alert_firing{alert="many-stuck"}', 1),
                ('curfew_run_duration_seconds_count{cleanup="stuck-jobs"}', 1),
                ('curfew_run_duration_seconds_bucket{cleanup="stuck-jobs",le="+Inf"}', 1),
                ('count(curfew_http_requests_total{route="/api/v1/cleanups/{name}/runs"})', 1),
            ]:
                prometheus.expect(query, value)
            types = write_types(stage)
            call(f"{stage.url}/api/v1/cleanups/stuck-jobs/runs", ADMIN, b"{}")
            check_text(stage)
            prometheus.expect('curfew_timeouts_total{cleanup="stuck-jobs"}', 6 + types)
            prometheus.expect("curfew_redis_up", 1)
            stage.server.kill()
            prometheus.expect("curfew_redis_up", 0)
            prometheus.expect('up{job="curfew"}', 1)
            stage.serve()
            prometheus.expect("curfew_redis_up", 1)
    except (Failed, OSError) as error:
        print(f"✘ {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
