"""The simulated application: stuck jobs in Redis, and the check that each was recovered exactly once."""

import pathlib

import redis

INDEX = "jobs:deadlines"
EVENTS = "{curfew}:events"
EVENTS_KEPT = 100_000
HISTORY = ["{curfew}:runs", "{curfew}:metrics", EVENTS]
TIMEOUT_MS = 300_000
USERS = 1_000
TOKENS = 10
EVENT_FIELDS = {
    "run", "cleanup", "record", "key", "action", "from", "to", "reason", "type", "tokens", "bytes", "before", "at_ms",
}
BATCH = 1_000  # jobs in one call of a script here

CONFIGURATION = """\
redis: {url}
cleanups:
  stuck-jobs:
    policy: stuck
    every: 15m
    records: job:<id>
    index: jobs:deadlines
    states: [PROCESSING]
    since: [processingStartedAt, updatedAt]
    timeout: 5m
    timeouts: {{by: tier, TIER_1K: 5m, TIER_2K: 5m, TIER_4K: 5m}}
    to: FAILED
    refund: {{amount: tokensCost, balance: user:<userId>:tokens, ledger: user:<userId>:refunds}}
"""


class WrongOutcome(Exception):
    """A variant had the wrong result, so its figures are meaningless."""


def now_ms(client: redis.Redis) -> int:
    """The server's time, which decides what is due."""
    seconds, microseconds = client.time()
    return seconds * 1_000 + microseconds // 1_000


def script(name: str) -> str:
    """The text of a Lua script beside this file."""
    return (pathlib.Path(__file__).parent / f"{name}.lua").read_text()


def load(client: redis.Redis, jobs: int, *, stuck: bool, ahead_ms: int = 0) -> None:
    """Empties the server and fills it with jobs that are past their time, or were started just now."""
    client.flushall()
    add(client, jobs, stuck=stuck, ahead_ms=ahead_ms)


def add(client: redis.Redis, jobs: int, *, stuck: bool, ahead_ms: int = 0) -> None:
    """Adds such jobs to what is there; with `ahead_ms` they start that much later."""
    start = now_ms(client) + ahead_ms - (2 * TIMEOUT_MS if stuck else 0)
    if not stuck:
        start += jobs  # so that no job is due, each one starts a millisecond earlier
    make = client.register_script(script("load"))
    for first in range(0, jobs, BATCH):
        make(keys=[INDEX], args=[first, min(BATCH, jobs - first), start, USERS, TIMEOUT_MS])


def add_history(client: redis.Redis, runs: int) -> None:
    """Adds a day's history: runs that have ended, with what they measured and one change of each."""
    make = client.register_script(script("load_history"))
    now = now_ms(client)
    for first in range(0, runs, BATCH):
        make(keys=HISTORY, args=[first, min(BATCH, runs - first), runs, now])


def verify(client: redis.Redis, jobs: int, variant: str) -> None:
    """Raises `WrongOutcome` unless every job failed once, was refunded once and has one event."""
    count = client.register_script(script("verify"))
    failed = paid = 0
    for first in range(0, jobs, BATCH):
        counts = count(args=[first, min(BATCH, jobs - first)])
        failed, paid = failed + counts[0], paid + counts[1]
    pipeline = client.pipeline(transaction=False)
    for user in range(USERS):
        pipeline.get(f"user:{user}:tokens")
        pipeline.hlen(f"user:{user}:refunds")
    answers = pipeline.execute()
    found = {
        "jobs FAILED": (failed, jobs),
        "jobs with their own ledger entry": (paid, jobs),
        "ledger entries": (sum(answers[1::2]), jobs),
        "tokens paid back": (sum(int(balance or 0) for balance in answers[0::2]), TOKENS * jobs),
        "jobs left in the index": (client.zcard(INDEX), 0),
    }
    wrong = [f"{what}: {is_}, expected {expected}" for what, (is_, expected) in found.items() if is_ != expected]
    events = client.xlen(EVENTS)
    # One more than jobs: a requested run has an event with the person.
    if not min(jobs, EVENTS_KEPT) <= events <= jobs + 1:
        wrong.append(f"events: {events}, expected {min(jobs, EVENTS_KEPT)}")
    wrong += wrong_event(client)
    if wrong:
        raise WrongOutcome(f"{variant}: " + "; ".join(wrong))


def wrong_event(client: redis.Redis) -> list[str]:
    """The problem with the last event, which stands for all."""
    last = client.xrevrange(EVENTS, count=1)
    if not last:
        return []
    event = {name.decode(): value.decode() for name, value in last[0][1].items()}
    wrong = []
    if set(event) != EVENT_FIELDS:
        wrong.append(f"event fields: {sorted(event)}, expected {sorted(EVENT_FIELDS)}")
    expected = {"action": "fail", "from": "PROCESSING", "to": "FAILED", "tokens": str(TOKENS)}
    return wrong + [
        f"event {name}: {event.get(name)}, expected {value}" for name, value in expected.items()
        if event.get(name) != value
    ]
