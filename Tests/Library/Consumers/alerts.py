"""Handles each alert of Curfew at least once, in any number of processes."""

import os

import redis

STREAM, GROUP = "{curfew}:alerts", "pager"
# Each process has a name of its own.
CONSUMER = os.environ.get("CONSUMER", f"pager-{os.getpid()}")
# After this time another process takes over what somebody was given and has not acknowledged.
IDLE_MS = int(os.environ.get("IDLE_MS", "60000"))

client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"), decode_responses=True)


def handle(entry_id, alert):
    if alert["state"] == "firing":
        print(entry_id, alert["severity"], alert["message"], flush=True)


def deal_with(entries):
    for entry_id, alert in entries:
        handle(entry_id, alert)
        # Only now: an alert that a process died over comes again.
        client.xack(STREAM, GROUP, entry_id)


try:
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
except redis.ResponseError as error:
    if not str(error).startswith("BUSYGROUP"):
        raise

while True:
    cursor = None
    while cursor != "0-0":
        cursor, entries, *_ = client.xautoclaim(
            STREAM, GROUP, CONSUMER, IDLE_MS, start_id=cursor or "0-0", count=100
        )
        deal_with(entries)
    for _, entries in client.xreadgroup(GROUP, CONSUMER, {STREAM: ">"}, count=100, block=5_000) or []:
        deal_with(entries)
