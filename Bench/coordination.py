"""How an instance speaks with Curfew's functions in Redis. Knows no socket: words go out, answers come in.

A client that follows this is an instance like any other, for Redis and for the other instances. It says what `curfew
work` says (MONITOR shows it); where that changes, this module follows, and no other one here.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable

PREFIX = "{curfew}:"
SCHEDULE, RUNS, INSTANCES, WAKE, MATES = (
    PREFIX + name for name in ("schedule", "runs", "instances", "wake", "mates:"))
DAY_MS = 86_400_000
STREAM_LENGTH = 100_000
STREAMS = [PREFIX + name for name in ("metrics", "events", "alerts")]
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

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The names of the cleanups, to look one up."""
        return frozenset(self.cleanups)


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
    """What a tick brings: claims, and what is to be said before the next."""

    claims: list[Claim]
    calls: list[bytes] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Look:
    """When an instance looks at a cleanup: at its due time with a tick, if it is the first one, or later."""

    due: float
    at: float
    is_first: bool


class Agenda:
    """What an instance looks at until its next tick, and when that is; in seconds of its own clock."""

    def __init__(self, end: float) -> None:
        self.end, self.horizon = end, math.inf
        self.looks: dict[str, Look] = {}

    def add(self, cleanup: str, look: Look) -> None:
        """Adds a look; the earlier one counts."""
        if cleanup not in self.looks or look.at < self.looks[cleanup].at:
            self.looks[cleanup] = look

    @property
    def next(self) -> float:
        """When there is something to do."""
        return min([self.end, *(look.at for look in self.looks.values())])

    def step(self, now: float) -> list[str] | None:
        """What to see before a tick, whether others have taken it; nothing where a tick is due, None to wait."""
        mine = [look for look in self.looks.values() if look.at <= now]
        if self.end <= now or (mine and (any(look.is_first for look in mine) or self.horizon <= now)):
            return []
        if not mine:
            return None
        due = [name for name, look in self.looks.items() if min(look.due, look.at) <= now]
        for name in due:
            del self.looks[name]
        return due


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
        self.agenda = Agenda(0)

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

    def look_over(self, claim: Claim) -> list[bytes]:
        """What a run asks that finds nothing due."""
        index = claim.cleanup
        return [command("ZCOUNT", index, "-inf", claim.started_ms), command("ZCARD", index),
                command("ZRANGE", index, 0, 511, "WITHSCORES")]

    def finish(self, claim: Claim) -> bytes:
        """Ends a run that had nothing to do."""
        fleet, now = self.fleet, claim.started_ms + 1
        following = claim.due_ms + fleet.every_ms
        while following <= now:
            following += fleet.every_ms
        counts = [word for name in NONE for word in (name, 0)]
        run = ["run", claim.run, "cleanup", claim.cleanup, "policy", fleet.policy, "instance", self.name, "fence",
               claim.fence, "trigger", "schedule", "dry_run", 0, "status", "completed", "due_ms", claim.due_ms,
               "started_ms", claim.started_ms, "finished_ms", now, *counts, "actions", "{}", "error", ""]
        metrics = ["kind", "run", "cleanup", claim.cleanup, "run", claim.run, "duration_ms", 1, "lag_ms",
                   claim.started_ms - claim.due_ms, "oldest_overdue_ms", 0, "drift", 0, *counts, "backlog", 0,
                   "stalled", 0, "seen", 0]
        keys, words = self.ending(claim, following)
        return command(
            "FCALL", "curfew_finish_" + fleet.version, len(keys), *keys, *words, len(run) // 2, *run,
            len(metrics) // 2, *metrics)

    def leave(self) -> list[bytes]:
        """What it says when it ends."""
        return [command("ZREM", INSTANCES, self.name), command("DEL", key("instance", self.name))]


class Format8(Instance):
    """Every tick names all cleanups, and claims one of them."""

    written: tuple[bytes, bytes] | None = None  # what every tick names, written out once in a process

    def ending(self, claim: Claim, following: int) -> tuple[list[str], list[object]]:
        """The keys of the end of a run, and the words before its entries."""
        keys = [SCHEDULE, key("lease", claim.cleanup), RUNS, *STREAMS, key("alert", f"guard:{claim.cleanup}")]
        return keys, [claim.cleanup, claim.term, following, WAKE, STREAM_LENGTH, *AGES]

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

    def answer(self, reply: list, now: float, beat: float) -> Answer:
        """What the answer to a tick says."""
        del beat  # a heartbeat comes with the first tick that finds it due
        words = named(reply)
        server_ms = int(words[b"now"])
        self.started_ms = self.started_ms or server_ms
        has_claim = b"claim" in words
        self.agenda = Agenda(now + (0 if has_claim else int(words[b"sleep"]) / 1_000))
        return Answer([self.claim(words, server_ms)] if has_claim else [])

    def heard(self, cleanup: str, running: list[str], now: float) -> None:
        """A message: it looks at once."""
        del cleanup, running
        self.agenda.end = now


class Format9(Instance):
    """What is known is told once; a tick claims as many as there are places, and the instances look in an order."""

    STEP, LONGEST, SMALL, FEWEST = 0.001, 0.5, 64, 16
    TOLD, PROBES = 50, 16

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        self.knows, self.living = key("knows", fleet.registration), MATES + fleet.registration
        self.keys += [PREFIX + "running", self.knows, self.living]
        self.mates, self.beats, self.cursor = 1, 0, (0, "")
        self.clock = 0.0  # the server's, minus its own
        self.hashes: dict[str, int] = {}

    def ending(self, claim: Claim, following: int) -> tuple[list[str], list[object]]:
        """The keys of the end of a run, and the words before its entries. Here each run ends alone."""
        keys = [SCHEDULE, RUNS, *STREAMS, key("lease", claim.cleanup), key("alert", f"guard:{claim.cleanup}")]
        return keys, [WAKE, STREAM_LENGTH, *AGES, claim.cleanup, claim.term, following, 1]

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
            fleet.heartbeat_ms, fleet.places - len(running), STREAM_LENGTH, int(is_beat), *self.cursor, "",
            *self.published(running, is_beat=is_beat), *probes)

    def answer(self, reply: list, now: float, beat: float) -> Answer:
        """What the answer to a tick says."""
        words = named(reply)
        server_ms = int(words[b"now"])
        self.started_ms, self.clock = self.started_ms or server_ms, server_ms / 1_000 - now
        self.mates, self.cursor = int(words[b"mates"]), (int(words[b"rank"]), words[b"last"].decode())
        self.agenda = self.planned(words, now)
        self.agenda.end = min(self.agenda.end, beat)
        return Answer(
            [self.claim(named(claim), server_ms) for claim in words[b"claims"]],
            self.registration() if words[b"register"] == b"now" else [])

    def planned(self, words: dict, now: float) -> Agenda:
        """What to look at after an answer."""
        if words[b"more"] == b"1" or words[b"register"] == b"now":
            return Agenda(now)
        agenda = Agenda(now + self.fleet.heartbeat_ms / 1_000)
        if words[b"register"] != b"":
            agenda.end = now + int(words[b"sleep"]) / 1_000 * (0.6 + hashed([self.name]) % 1_000 / 1_000)
        coming = words[b"next"]
        for place in range(0, len(coming), 3):
            together = 1 if place else int(words[b"together"])
            self.add(agenda, coming[place].decode(), now + int(coming[place + 1]) / 1_000,
                     is_take_over=coming[place + 2] == b"1", together=together)
        if words[b"horizon"]:
            agenda.horizon = now + int(words[b"horizon"]) / 1_000
            delay = self.delay(coming[-3].decode() if coming else "")
            if delay is not None:
                agenda.end = min(agenda.end, agenda.horizon + delay)
        return agenda

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

    def heard(self, cleanup: str, running: list[str], now: float) -> None:
        """A message: it looks when it is its turn, if it has a free place."""
        if cleanup not in self.fleet.names:
            return
        self.cursor = (0, "")
        if len(running) < self.fleet.places:
            self.add(self.agenda, cleanup, now, is_take_over=True)

    def peek(self, cleanups: list[str]) -> bytes:
        """Asks when these are due."""
        return command("ZMSCORE", SCHEDULE, *cleanups)

    def is_due(self, cleanups: list[str], scores: list[bytes | None], now: float) -> bool:
        """Whether one of them is due all the same; the others are looked at when they will be."""
        due = [now if score is None else float(score) / 1_000 - self.clock for score in scores]
        for cleanup, time in zip(cleanups, due):
            if time > now:
                self.add(self.agenda, cleanup, time)
        return min(due) <= now

    def add(self, agenda: Agenda, cleanup: str, due: float, **others: int) -> None:
        """Adds a look at a cleanup, unless it is left to others."""
        delay = self.delay(cleanup, **others)
        if delay is not None:
            agenda.add(cleanup, Look(due, due + delay, is_first=delay == 0))

    def delay(self, cleanup: str, *, is_take_over: bool = False, together: int = 1) -> float | None:
        """How long after its due time it looks at a cleanup; None if that is left to others."""
        if cleanup not in self.hashes:
            self.hashes[cleanup] = hashed([self.name, cleanup])
        mates = max(1, self.mates)
        place = self.hashes[cleanup] % mates
        looking = max(self.FEWEST, self.SMALL * self.SMALL // mates) + together // self.fleet.places
        return min(self.STEP, self.LONGEST / mates) * place if is_take_over or place < looking else None

    def leave(self) -> list[bytes]:
        """The commands of an instance that ends."""
        return [*super().leave(), command("ZREM", self.living, self.name)]


FORMATS = {"8": Format8, "9": Format9}


def instance(fleet: Fleet, name: str) -> Instance:
    """An instance that speaks the format of the library."""
    return FORMATS[fleet.version.split("_")[0]](fleet, name)
