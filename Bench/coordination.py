"""How an instance speaks with Curfew's functions in Redis. Knows no socket: words go out, answers come in.

A client that follows this is an instance like any other, for Redis and for the other instances. It says what `curfew
work` says (MONITOR shows it); where that changes, this module follows, and no other one here.
"""

import dataclasses
from collections.abc import Iterable

PREFIX = "{curfew}:"
SCHEDULE, RUNS, INSTANCES, WAKE, MATES = (
    PREFIX + name for name in ("schedule", "runs", "instances", "wake", "mates:"))
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
    registration: str  # the name under which the first instance has told what it knows
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
    """What a tick brings: claims, how many seconds there is nothing to do, and what is to be said before the next."""

    claims: list[Claim]
    sleep: float
    calls: list[bytes] = dataclasses.field(default_factory=list)


def version(libraries: list) -> str:
    """The version of Curfew's library, from FUNCTION LIST."""
    names = [library[b"library_name"] if isinstance(library, dict) else library[1] for library in libraries]
    found = [name.decode().removeprefix("curfew_") for name in names if name.startswith(b"curfew_")]
    if len(found) != 1 or found[0].split("_")[0] not in FORMATS:
        raise OtherFormat(f"the library in Redis is {found}: Bench/coordination.py speaks {', '.join(FORMATS)}")
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


def named(reply: list) -> dict:
    """A flat list of names and values as a dictionary."""
    return dict(zip(reply[::2], reply[1::2]))


def hashed(words: list[str]) -> int:
    """The hash that orders instances."""
    number, mask = 0xCBF2_9CE4_8422_2325, (1 << 64) - 1
    for byte in b"".join(word.encode() + b"\0" for word in words):
        number = (number ^ byte) * 0x100_0000_01B3 & mask
    number = (number ^ number >> 33) * 0xFF51_AFD7_ED55_8CCD & mask
    return number ^ number >> 33


class Instance:
    """What the formats have in common."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet, self.name = fleet, name
        self.keys = [SCHEDULE, PREFIX + "fence", INSTANCES, key("instance", name), PREFIX + "paused", RUNS,
                     PREFIX + "metrics"]
        self.started_ms = 0

    def published(self, running: list[str], *, is_beat: bool) -> list[object]:
        """The instance's fields and the metrics of a heartbeat, each with its count."""
        if not is_beat:
            return [0, 0]
        return [
            7, "host", "bench", "pid", 1, "version", "bench", "started_ms", self.started_ms, "running",
            ",".join(sorted(running)), "config", self.fleet.config, "refused", "",
            6, "kind", "instance", "instance", self.name, "rss_bytes", 40_000_000, "cpu_ms", 100, "redis_rtt_us",
            "250.0", "running", len(running)]

    def claim(self, reply: dict, now: int) -> Claim:
        """A claim, as a tick answers it."""
        cleanup, run, fence, term = (reply[name].decode() for name in (b"claim", b"run", b"fence", b"term"))
        return Claim(cleanup, run, fence, term, int(reply[b"due"]), now)

    def finish(self, claim: Claim) -> bytes:
        """Ends a run that had nothing to do."""
        fleet, now = self.fleet, claim.started_ms + 1
        following = claim.due_ms + fleet.every_ms
        while following <= now:
            following += fleet.every_ms
        keys = [SCHEDULE, key("lease", claim.cleanup), RUNS, PREFIX + "metrics", PREFIX + "events", PREFIX + "alerts",
                key("alert", f"guard:{claim.cleanup}")]
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


class Format8(Instance):
    """Every tick names all cleanups, and claims one of them."""

    written: tuple[bytes, bytes] | None = None  # what every tick names, written out once in a process

    def tick(self, running: list[str], *, is_beat: bool) -> bytes:
        """Says that it lives, where that is due, and asks for what is due."""
        fleet = self.fleet
        if Format8.written is None:
            Format8.written = (
                bulk(key("lease", name) for name in fleet.cleanups),
                bulk(word for name in fleet.cleanups for word in (name, fleet.policy, 0, fleet.every_ms, 0)))
        head = ["FCALL", "curfew_tick_" + fleet.version, len(self.keys) + len(fleet.cleanups), *self.keys]
        words = [self.name, fleet.lease_ms, fleet.heartbeat_ms, fleet.places - len(running), "schedule", "",
                 STREAM_LENGTH, *self.published(running, is_beat=is_beat)]
        count = len(head) + len(words) + 6 * len(fleet.cleanups)
        return b"*%d\r\n" % count + bulk(head) + Format8.written[0] + bulk(words) + Format8.written[1]

    def answer(self, reply: list, until_beat: float) -> Answer:
        """What the answer to a tick says."""
        del until_beat  # a heartbeat comes with the first tick that finds it due
        words = named(reply)
        now = int(words[b"now"])
        self.started_ms = self.started_ms or now
        if b"claim" in words:
            return Answer([self.claim(words, now)], 0)
        return Answer([], int(words[b"sleep"]) / 1_000)

    def heard(self, cleanup: str, running: list[str]) -> float | None:
        """How long after a message it looks."""
        del cleanup, running
        return 0


class Format9(Instance):
    """What is known is told once; a tick claims as many as there are places, and the instances look in an order."""

    STEP, FIRST, TOLD, PROBES = 0.001, 64, 50, 8

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        self.knows = key("knows", fleet.registration)
        self.keys += [PREFIX + "running", self.knows, MATES + fleet.registration]
        self.mates, self.beats, self.cursor = 1, 0, (0, "")
        self.hashes: dict[str, int] = {}

    def tick(self, running: list[str], *, is_beat: bool) -> bytes:
        """Says that it lives, where that is due, and asks for what is due."""
        fleet, probes = self.fleet, []
        if is_beat:
            self.cursor = (0, "")
            start = self.beats % -(-len(fleet.cleanups) // self.PROBES) * self.PROBES
            probes = fleet.cleanups[start:start + self.PROBES]
            self.beats += 1
        return command(
            "FCALL", "curfew_tick_" + fleet.version, len(self.keys), *self.keys, self.name, fleet.lease_ms,
            fleet.heartbeat_ms, fleet.places - len(running), STREAM_LENGTH, int(is_beat), *self.cursor,
            *self.published(running, is_beat=is_beat), *probes)

    def answer(self, reply: list, until_beat: float) -> Answer:
        """What the answer to a tick says."""
        words, fleet = named(reply), self.fleet
        now = int(words[b"now"])
        self.started_ms = self.started_ms or now
        self.mates, self.cursor = int(words[b"mates"]), (int(words[b"rank"]), words[b"last"].decode())
        claims = [self.claim(named(claim), now) for claim in words[b"claims"]]
        coming, sleep = named(words[b"next"]), int(words[b"sleep"]) / 1_000
        if words[b"more"] == b"1" or words[b"register"] == b"now":
            sleep = 0.0
        elif words[b"register"] != b"":
            sleep *= 0.6 + hashed([self.name]) % 1_000 / 1_000
        elif coming:
            first = self.FIRST + int(words[b"together"]) // fleet.places
            places = {name: self.place(name.decode()) for name in coming}
            looks = [int(wait) / 1_000 + self.STEP * places[name] for name, wait in coming.items()
                     if places[name] < first]
            sleep = min(looks, default=fleet.heartbeat_ms / 1_000)
        return Answer(claims, min(sleep, until_beat), self.registration() if words[b"register"] == b"now" else [])

    def registration(self) -> list[bytes]:
        """The calls that tell what it knows."""
        fleet, calls = self.fleet, []
        memory = 2 * max(3 * fleet.heartbeat_ms, fleet.lease_ms)
        for first in range(0, len(fleet.cleanups), self.TOLD):
            names = fleet.cleanups[first:first + self.TOLD]
            told = [word for name in names for word in (name, fleet.policy, 0, fleet.every_ms, 0)]
            calls.append(command(
                "FCALL", "curfew_register_" + fleet.version, 2, SCHEDULE, self.knows, memory,
                int(first + self.TOLD >= len(fleet.cleanups)), *told))
        return calls

    def heard(self, cleanup: str, running: list[str]) -> float | None:
        """How long after a message it looks; not at all where others are before it."""
        self.cursor = (0, "")
        place = self.place(cleanup)
        return self.STEP * place if len(running) < self.fleet.places and place < self.FIRST + 1 else None

    def place(self, cleanup: str) -> int:
        """Its place among those that look at a cleanup."""
        if cleanup not in self.hashes:
            self.hashes[cleanup] = hashed([self.name, cleanup])
        return self.hashes[cleanup] % max(1, self.mates)


FORMATS = {"8": Format8, "9": Format9}


def instance(fleet: Fleet, name: str) -> Instance:
    """An instance that speaks the format of the library."""
    return FORMATS[fleet.version.split("_")[0]](fleet, name)
