"""A fleet for Bench/dashboard: many cleanups and instances, as their instances leave them in Redis."""

import json

import redis

import workload

PREFIX = "fleet"
EVERY_MS = 3_600_000
PAGES = {"first page": "/", "a cleanup": "/cleanups/cleanup-0007", "all cleanups": "/cleanups?page=3",
         "all instances": "/instances?page=3", "/metrics": "/metrics", "/api/v1/cleanups": "/api/v1/cleanups"}


def name(number: int) -> str:
    """A cleanup's name."""
    return f"cleanup-{number:04}"


def configuration(url: str, http: str, cleanups: int) -> str:
    """The file of all instances."""
    lines = [f"redis: {url}", f"prefix: {PREFIX}", http.rstrip(), "cleanups:"]
    lines += [
        f"  {name(number)}: {{policy: retention, every: 1h, records: 'old{number}:<id>', index: 'old{number}', "
        "states: [DONE], since: [at], keep: 1d}" for number in range(cleanups)
    ]
    lines += ["alerts:", "  many: {cleanup: '*', metric: found, above: 10}"]
    return "\n".join(lines) + "\n"


def load(client: redis.Redis, cleanups: int, instances: int, fingerprint: str) -> None:
    """Writes schedule, definitions, ten runs of each cleanup, and instances. One in twenty cleanups needs attention."""
    keys, now = f"{{{PREFIX}}}:", workload.now_ms(client)
    batch = client.pipeline(transaction=False)
    for number in range(cleanups):
        cleanup = name(number)
        late, fails = number % 40 == 7, number % 40 == 17
        batch.zadd(keys + "schedule", {cleanup: now - EVERY_MS if late else now + EVERY_MS})
        definition = {"policy": "retention", "records": f"old{number}:<id>", "index": f"old{number}",
                      "every_ms": str(EVERY_MS), "cron": "", "timezone": "", "off": "", "configs": fingerprint,
                      "by": "web-0", "at": ""}
        batch.hset(keys + "definitions", cleanup, json.dumps(definition))
        batch.hset(keys + "fence", cleanup, 10)
    batch.execute()
    for round_number in range(10):
        for number in range(cleanups):
            cleanup, ended = name(number), now - (10 - round_number) * 60_000
            status = "failed" if number % 40 == 17 else "completed"
            run = f"{cleanup}-{round_number + 1}"
            batch.xadd(keys + "runs", {
                "run": run, "cleanup": cleanup, "policy": "retention", "instance": "web-0", "fence": round_number + 1,
                "trigger": "schedule", "dry_run": 0, "status": status, "due_ms": ended - 60, "started_ms": ended - 40,
                "finished_ms": ended, "found": 3, "changed": 3, "retried": 0, "skipped": 0, "failed": 0, "refunded": 0,
                "bytes_freed": 0, "absent": 0, "actions": '{"remove":3}', "error": ""})
            batch.xadd(keys + "metrics", {
                "kind": "run", "cleanup": cleanup, "run": run, "duration_ms": 40, "lag_ms": 3, "found": 3, "changed": 3,
                "failed": 0, "refunded": 0, "backlog": 0, "seen": 3})
        batch.execute()
    for number in range(instances):
        instance = f"web-{number}"
        batch.zadd(keys + "instances", {instance: now})
        batch.hset(keys + f"instance:{instance}", mapping={
            "host": instance, "pid": 1, "version": "1.0.0", "started_ms": now, "running": "", "config": fingerprint,
            "refused": ""})
    batch.execute()
