"""Sidekiq as Debian has it, asked by its own API in Ruby."""

import json
import os
import pathlib
import subprocess
import time

from instance import Failed, die_with_parent
from systems.jobs import journal
from systems.stage import Stage, same
from systems.story import STUCK, System

APP = str(pathlib.Path(__file__).parent / "sidekiq_app.rb")


class Sidekiq(System):
    name, parameters = "sidekiq", {"timeout": "1s", "keep": "1s"}
    stuck, history, workers = "sidekiq-stuck", "sidekiq-history", "sidekiq-processes"
    failed = "dead"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.client = subprocess.Popen(
            ["ruby", APP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ,
            preexec_fn=die_with_parent)

    def ask(self, what: str, **question: object) -> object:
        """What its API answers."""
        self.client.stdin.write(json.dumps({"ask": what, **question}) + "\n")
        self.client.stdin.flush()
        line = self.client.stdout.readline()
        if not line:
            raise Failed(f"Sidekiq's API ended with {self.client.wait()} at {what}")
        return json.loads(line)[0]

    def push(self, kind: str, name: str, **options: object) -> None:
        """Puts in a job."""
        self.ask("push", **{"class": kind, "name": name, "options": options})

    def prepare(self) -> None:
        self.push("Ok", "job-ok")
        self.push("Boom", "job-boom", retry=0)
        self.push("Ok", "waiting", queue="later")
        self.push("Ok", "scheduled", at=time.time() + 3_600)

    def others(self) -> dict[str, str]:
        return {"waiting": "queued", "scheduled": "scheduled"}

    def old(self) -> list[str]:
        # Of jobs that are done Sidekiq keeps nothing.
        return ["job-boom", "doomed"]

    def put(self, name: str) -> None:
        self.push("Held", name)

    def work(self) -> None:
        self.stage.start("sidekiq", "-r", APP, "-c", str(self.crowd), "-q", "default")

    def state(self, name: str) -> str | None:
        places = self.ask("places").get(name, [])
        # What a process is busy with it tells with its heartbeat only: what else is known of a job is newer.
        places = [place for place in places if place[0] != "busy"] or places
        if len(places) > 1:
            raise Failed(f"{name} is in {len(places)} places: {places}")
        return places[0][0] if places else "done" if journal("end", name) else None

    def running(self, name: str) -> None:
        # Sidekiq writes down which jobs run with its heartbeat only, every few seconds.
        self.stage.wait(f"{name} is busy", lambda: self.state(name) == "busy")

    def counts(self) -> dict[str, int]:
        return self.ask("stats")

    def clean(self) -> None:
        self.ask("clean")

    def silence(self) -> None:
        # A process that was killed between two heartbeats still has one that isn't old.
        self.stage.redis.delete(*(self.stage.redis.keys("*-signals") or ["none"]))

    def after_retry(self) -> None:
        same("the queue", sorted(name for name, places in self.ask("places").items() if places == [["queued", None]]),
             sorted([*STUCK, "waiting"]))

    def after_fail(self, name: str) -> None:
        [[place, error]] = self.ask("places")[name]
        same(f"whether {error!r} is what Curfew says", (place, "timeout" in error), ("dead", True))

    def forget_workers(self) -> None:
        # Redis forgets a process 60 s after its last heartbeat.
        for process in self.stage.redis.smembers("processes"):
            self.stage.redis.delete(process)
        super().forget_workers()

    def known_workers(self) -> int:
        return self.stage.redis.scard("processes")


make = Sidekiq
