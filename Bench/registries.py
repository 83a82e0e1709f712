"""The simulated job systems: stuck jobs in the registries of RQ and BullMQ, and the check of what became of them."""

import dataclasses
import datetime

import redis

import workload

TIMEOUT_MS = 300_000
TRASH = "curfew:trash:stuck-jobs-1:"
EVENT = {"run": "stuck-jobs-1", "cleanup": "stuck-jobs", "action": "retry", "tokens": "0", "bytes": "0"}

RQ_CONFIGURATION = """\
redis: URL
cleanups:
  stuck-jobs:
    policy: stuck
    every: 1m
    in: REGISTRY
    member: <id>:<execution>
    record: rq:job:<id>
    states: [started]
    JUDGED
    timeout: 5m
    retry:
      limit: 1
      window: 1h
      set: {status: queued, enqueued_at: "<now:iso>", worker_name: ""}
      put: [{to: "rq:queue:<origin>", at: tail}]
      delete: ["rq:executions:<id>"]
    fail:
      set: {status: failed, ended_at: "<now:iso>", exc_info: "<reason>"}
"""
BY_AGE = """since: [started_at, enqueued_at]
    heartbeat: last_heartbeat"""
BY_SCORE = """since: ["<score>"]"""

BULLMQ_CONFIGURATION = """\
redis: URL
cleanups:
  stuck-jobs:
    policy: stuck
    every: 1m
    in: bull:<queue>:active
    record: bull:<queue>:<id>
    since: [processedOn]
    timeout: 5m
    alive: bull:<queue>:<id>:lock
    retry:
      limit: 1
      window: 1h
      add: {stc: 1}
      put:
        - {to: "bull:<queue>:wait", at: tail}
        - {to: "bull:<queue>:events", entry: {event: waiting, jobId: "<id>", prev: active}}
    fail:
      set: {defa: "<reason>"}
"""


def rq(judged: str, registry: str = "rq:wip:<queue>") -> str:
    """The configuration for RQ, but for the server."""
    return RQ_CONFIGURATION.replace("REGISTRY", registry).replace("JUDGED", judged)


def iso(milliseconds: int) -> str:
    """A time as RQ writes it, up to the point behind its seconds."""
    return datetime.datetime.fromtimestamp(milliseconds // 1_000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def in_batches(client: redis.Redis, script: str, jobs: int, *arguments: object, keys: tuple = ()) -> list[int]:
    """Calls a script for all jobs, a thousand at a time, and adds up what it returns."""
    call = client.register_script(workload.script(script))
    answers = [
        call(keys=keys, args=[first, min(workload.BATCH, jobs - first), *arguments])
        for first in range(0, jobs, workload.BATCH)
    ]
    return [sum(column) for column in zip(*answers)] if isinstance(answers[0], list) else []


def once_each(found: list[bytes], expected: set[bytes]) -> int:
    """How many of the expected words are there exactly once; -1 where there are others too."""
    if set(found) - expected:
        return -1
    return 2 * len(set(found)) - len(found)


def wrong_counts(found: dict[str, tuple[int, int]]) -> list[str]:
    """What isn't as expected."""
    return [f"{what}: {is_}, expected {expected}" for what, (is_, expected) in found.items() if is_ != expected]


def application_keys(client: redis.Redis, prefix: str) -> int:
    """How many keys the application has."""
    return len(set(client.scan_iter(match=f"{prefix}*", count=10_000)))


def wrong_events(client: redis.Redis, jobs: int) -> list[str]:
    """The problems with Curfew's events: their number, and the last one, which stands for all."""
    events = client.xlen(workload.EVENTS)
    # One more than jobs: a requested run has an event with the person.
    if not min(jobs, workload.EVENTS_KEPT) <= events <= jobs + 1:
        return [f"events: {events}, expected {min(jobs, workload.EVENTS_KEPT)}"]
    last = {name.decode(): value.decode() for name, value in client.xrevrange(workload.EVENTS, count=1)[0][1].items()}
    if not set(last) >= workload.EVENT_FIELDS or any(last[name] != value for name, value in EVENT.items()):
        return [f"the last event: {last}"]
    return []


@dataclasses.dataclass(frozen=True)
class Shape:
    """How an application keeps its jobs, with the configuration and the floor that fit it."""

    name: str
    title: str
    registry: str
    script: str
    most_ratio: float
    configuration: str

    def load(self, client: redis.Redis, jobs: int) -> int:
        """Empties the server and fills it with jobs that are stuck; returns the server's time (ms)."""
        raise NotImplementedError

    def floor_arguments(self, now: int) -> list:
        """The arguments of the floor, behind those that every floor has."""
        raise NotImplementedError

    def wrong(self, client: redis.Redis, jobs: int, now: int, *, is_whole: bool) -> list[str]:
        """What isn't as it should be after all jobs were recovered."""
        raise NotImplementedError

    def verify(self, client: redis.Redis, jobs: int, now: int, variant: str) -> None:
        """Raises `WrongOutcome` unless every job was recovered once, with an event, and nothing else changed."""
        is_whole = variant != "bare"
        wrong = self.wrong(client, jobs, now, is_whole=is_whole)
        wrong += wrong_events(client, jobs) if is_whole else []
        if wrong:
            raise workload.WrongOutcome(f"{self.title}, {variant}: " + "; ".join(wrong))


class RQ(Shape):
    """A sorted set with what is being worked on; judged by the age of the job, or by the score of the member."""

    def load(self, client: redis.Redis, jobs: int) -> int:
        client.flushall()
        now = workload.now_ms(client)
        start = now - 2 * TIMEOUT_MS
        in_batches(client, "load_rq", jobs, iso(start), start // 1_000, 1, keys=(self.registry,))
        return now

    def floor_arguments(self, now: int) -> list:
        past = now - TIMEOUT_MS
        how = "range" if "<score>" in self.configuration else "walk"
        return [how, iso(now) + "000000Z", iso(past) + "000000Z", past // 1_000]

    def wrong(self, client: redis.Redis, jobs: int, now: int, *, is_whole: bool) -> list[str]:
        queued, gone, trashed = in_batches(client, "verify_rq", jobs, iso(now - 2 * TIMEOUT_MS), iso(now), TRASH)
        ids = {b"%08d-6d0e-4b5c-9f3a-%012d" % (number, number) for number in range(jobs)}
        return wrong_counts({
            "jobs queued with nothing else changed": (queued, jobs),
            "jobs without their executions": (gone, jobs),
            "executions in the trash": (trashed, jobs if is_whole else 0),
            "jobs once in the queue": (once_each(client.lrange("rq:queue:default", 0, -1), ids), jobs),
            "members left in the registry": (client.zcard(self.registry), 0),
            "keys of the application": (application_keys(client, "rq:"), jobs + 1),
        })


class BullMQ(Shape):
    """A list with what is being worked on, which says nothing about how long."""

    def load(self, client: redis.Redis, jobs: int) -> int:
        client.flushall()
        now = workload.now_ms(client)
        in_batches(client, "load_bullmq", jobs, now - 2 * TIMEOUT_MS, keys=(self.registry,))
        return now

    def floor_arguments(self, now: int) -> list:
        return [now - TIMEOUT_MS]

    def wrong(self, client: redis.Redis, jobs: int, now: int, *, is_whole: bool) -> list[str]:
        right, = in_batches(client, "verify_bullmq", jobs, now - 2 * TIMEOUT_MS)
        ids = {b"%d" % (number + 1) for number in range(jobs)}
        events = [entry for _, entry in client.xrange("bull:mail:events")]
        waiting = [entry[b"jobId"] for entry in events
                   if entry == {b"event": b"waiting", b"jobId": entry.get(b"jobId"), b"prev": b"active"}]
        return wrong_counts({
            "jobs counted as stalled with nothing else changed": (right, jobs),
            "jobs once in the list of waiting ones": (once_each(client.lrange("bull:mail:wait", 0, -1), ids), jobs),
            "jobs with one event of BullMQ's": (once_each(waiting, ids), jobs),
            "events of BullMQ's": (len(events), jobs),
            "jobs left in the list of active ones": (client.llen(self.registry), 0),
            "keys of the application": (application_keys(client, "bull:"), jobs + 2),
        })


RQ_REGISTRY = "rq:wip:default"
SHAPES = {
    shape.name: shape for shape in (
        RQ("walk", "RQ, by age", RQ_REGISTRY, "floor_rq", 1.3, rq(BY_AGE)),
        RQ("range", "RQ, by score", RQ_REGISTRY, "floor_rq", 1.3, rq(BY_SCORE)),
        BullMQ("list", "BullMQ, a list", "bull:mail:active", "floor_bullmq", 2, BULLMQ_CONFIGURATION),
    )
}


def load_quiet(client: redis.Redis, members: int) -> None:
    """Empties the server and fills RQ's registry with members that aren't due for an hour."""
    client.flushall()
    now = workload.now_ms(client)
    in_batches(client, "load_rq", members, iso(now), now // 1_000 + 3_600, 0, keys=(RQ_REGISTRY,))
