"""How an instance speaks with Curfew's functions in Redis. Knows no socket: words go out, answers come in.

A client that follows this is an instance like any other for Redis and for the other instances. It says what `curfew work`
says (MONITOR shows it); where that changes, this module follows, and no other one here.
"""

import dataclasses
from collections.abc import Iterable

FORMAT = 8  # of the calls spoken here; the name of the library begins with it
PREFIX = "{curfew}:"
SCHEDULE, RUNS, INSTANCES, WAKE = (PREFIX + name for name in ("schedule", "runs", "instances", "wake"))
DAY_MS = 86_400_000
STREAM_LENGTH = 100_000
AGES = [30 * DAY_MS, 7 * DAY_MS, DAY_MS, 30 * DAY_MS]  # of runs, metrics, events, alerts
NONE = ["found", "changed", "retried", "skipped", "failed", "refunded", "bytes_freed", "absent"]  # what a run counts


class OtherFormat(Exception):
    """The library in Redis has calls that aren't spoken here."""


@dataclasses.dataclass(frozen=True)
class Fleet:
    """What all instances have in common; a file of it goes from one process to another."""

    version: str  # of the library, with which the names of its functions end
    config: str  # the fingerprint of the configuration
    policy: str
    cleanups: list[str]
    every_ms: int
    lease_ms: int
    heartbeat_ms: int
    places: int


@dataclasses.dataclass(frozen=True)
class Claim:
    """A cleanup that is to be run."""

    cleanup: str
    run: str
    fence: str
    term: str
    due_ms: int
    started_ms: int


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a tick brings."""

    claims: list[Claim]
    sleep: float  # seconds for which there is nothing to do
    has_more: bool  # whether more may be due at once


def version(libraries: list) -> str:
    """The version of Curfew's library, from FUNCTION LIST."""
    names = [library[b"library_name"] if isinstance(library, dict) else library[1] for library in libraries]
    found = [name.decode().removeprefix("curfew_") for name in names if name.startswith(b"curfew_")]
    if len(found) != 1 or not found[0].startswith(f"{FORMAT}_"):
        raise OtherFormat(f"the library in Redis is {found}: Bench/coordination.py speaks format {FORMAT}")
    return found[0]


def key(kind: str, name: str) -> str:
    """One of Curfew's own keys: the lease of a cleanup, the hash of an instance, the state of an alert."""
    return f"{PREFIX}{kind}:{name}"


def bulk(words: Iterable[object]) -> bytes:
    """Words as the protocol of Redis writes them, without the line that counts them."""
    texts = [str(word).encode() for word in words]
    return b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in texts)


def command(*words: object) -> bytes:
    """A whole command."""
    return b"*%d\r\n" % len(words) + bulk(words)


class Instance:
    """One instance, with what it knows written out once."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet, self.name = fleet, name
        self.fixed = [SCHEDULE, PREFIX + "fence", INSTANCES, key("instance", name), PREFIX + "paused", RUNS,
                      PREFIX + "metrics"]
        self.function = "curfew_tick_" + fleet.version
        self.started_ms = 0

    def tick(self, known: "Known", running: list[str], *, is_beat: bool) -> bytes:
        """Says that it lives, where that is due, and asks for one cleanup that is due."""
        fleet = self.fleet
        words = [self.name, fleet.lease_ms, fleet.heartbeat_ms, fleet.places - len(running), "schedule", "", STREAM_LENGTH]
        words += [*self.fields(running), *self.metrics(running)] if is_beat else [0, 0]
        head = ["FCALL", self.function, len(self.fixed) + known.count, *self.fixed]
        count = len(head) + len(words) + known.count + 5 * known.count
        return b"*%d\r\n" % count + bulk(head) + known.keys + bulk(words) + known.words

    def fields(self, running: list[str]) -> list[object]:
        """The count and the fields of the instance's hash."""
        return [7, "host", "bench", "pid", 1, "version", "bench", "started_ms", self.started_ms, "running",
                ",".join(sorted(running)), "config", self.fleet.config, "refused", ""]

    def metrics(self, running: list[str]) -> list[object]:
        """The count and the fields of a heartbeat's entry."""
        return [6, "kind", "instance", "instance", self.name, "rss_bytes", 40_000_000, "cpu_ms", 100, "redis_rtt_us",
                "250.0", "running", len(running)]

    def answer(self, reply: list) -> Answer:
        """What the answer to a tick says."""
        named = dict(zip(reply[::2], reply[1::2]))
        now = int(named[b"now"])
        self.started_ms = self.started_ms or now
        claims = []
        if b"claim" in named:
            cleanup, run, fence, term = (named[name].decode() for name in (b"claim", b"run", b"fence", b"term"))
            claims.append(Claim(cleanup, run, fence, term, int(named[b"due"]), now))
        return Answer(claims, int(named[b"sleep"]) / 1_000, bool(claims))

    def finish(self, claim: Claim) -> bytes:
        """Ends a run that had nothing to do."""
        guard, fleet = f"guard:{claim.cleanup}", self.fleet
        now = claim.started_ms + 1
        following = claim.due_ms + fleet.every_ms
        while following <= now:
            following += fleet.every_ms
        keys = [SCHEDULE, key("lease", claim.cleanup), RUNS, *(PREFIX + name for name in ("metrics", "events", "alerts")),
                key("alert", guard)]
        counts = [word for name in NONE for word in (name, 0)]
        run = ["run", claim.run, "cleanup", claim.cleanup, "policy", fleet.policy, "instance", self.name, "fence",
               claim.fence, "trigger", "schedule", "dry_run", 0, "status", "completed", "due_ms", claim.due_ms,
               "started_ms", claim.started_ms, "finished_ms", now, *counts, "actions", "{}", "error", ""]
        metrics = ["kind", "run", "cleanup", claim.cleanup, "run", claim.run, "duration_ms", 1, "lag_ms",
                   claim.started_ms - claim.due_ms, "oldest_overdue_ms", 0, "drift", 0, *counts, "backlog", 0,
                   "stalled", 0, "seen", 0]
        return command(
            "FCALL", "curfew_finish_" + fleet.version, len(keys), *keys, claim.cleanup, claim.term, following, WAKE,
            STREAM_LENGTH, *AGES, len(run) // 2, *run, len(metrics) // 2, *metrics)

    def leave(self) -> list[bytes]:
        """What it says when it ends."""
        return [command("ZREM", INSTANCES, self.name), command("DEL", key("instance", self.name))]


class Known:
    """The cleanups that every tick names, written out once for all instances of a process."""

    def __init__(self, fleet: Fleet) -> None:
        self.count = len(fleet.cleanups)
        self.keys = bulk(key("lease", name) for name in fleet.cleanups)
        self.words = bulk(
            word for name in fleet.cleanups for word in (name, fleet.policy, 0, fleet.every_ms, 0))
