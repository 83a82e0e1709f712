"""pyres, which keeps its jobs as Ruby's Resque does."""

import sys

from pyres import ResQ
from pyres.failure.redis import RedisBackend
from pyres.worker import Worker

from systems import jobs
from systems.jobs import PORT, journal
from systems.stage import Stage, same
from systems.story import STUCK, System

SERVER = f"127.0.0.1:{PORT}"


class Ok:
    queue = "default"

    @staticmethod
    def perform(name: str) -> None:
        jobs.ok(name)


class Later(Ok):
    queue = "later"


class Boom:
    queue = "default"

    @staticmethod
    def perform(name: str) -> None:
        jobs.boom(name)


class Held:
    queue = "default"

    @staticmethod
    def perform(name: str) -> None:
        jobs.held(name)


class Pyres(System):
    name, parameters = "resque", {"timeout": "1s", "keep": "1s"}
    stuck, history = "resque-stuck", "resque-history"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.resque = ResQ(SERVER)

    def prepare(self) -> None:
        for kind, name in ((Ok, "job-ok"), (Boom, "job-boom"), (Later, "waiting")):
            self.resque.enqueue(kind, name)

    def others(self) -> dict[str, str]:
        return {"waiting": "queued"}

    def old(self) -> list[str]:
        # Of jobs that are done Resque keeps nothing.
        return ["job-boom", "doomed"]

    def put(self, name: str) -> None:
        self.resque.enqueue(Held, name)

    def work(self) -> None:
        for _ in range(self.crowd):
            self.stage.start("python", "-m", "systems.pyres_system", "work")

    def state(self, name: str) -> str | None:
        places = ["queued" for queue in self.resque.queues() for job in self.resque.peek(queue, 0, 100)
                  if job["args"] == [name]]
        places += ["failed" for job in RedisBackend.all(self.resque, 0, 100) if job["payload"]["args"] == [name]]
        places += ["working" for worker in self.resque.working()
                   if worker.job().get("payload", {}).get("args") == [name]]
        if not places:
            return "done" if journal("end", name) else None
        # A worker that has just failed a job works on it for a moment more.
        places = [place for place in places if place != "working"] or places
        same(f"in how many places {name} is ({places})", len(places), 1)
        return places[0]

    def counts(self) -> dict[str, int]:
        info = self.resque.info()
        return {"pending": info["pending"], "working": len(self.resque.working()),
                "failed": RedisBackend.count(self.resque)}

    def after_retry(self) -> None:
        same("the workers, all of which are dead", self.counts()["working"], 0)
        queued = [job["args"][0] for job in self.resque.peek("default", 0, 100)]
        same("the queue", sorted(queued), sorted(STUCK))

    def clean(self) -> None:
        Worker(["default"], SERVER).prune_dead_workers()

    def after_fail(self, name: str) -> None:
        failed = next(job for job in RedisBackend.all(self.resque, 0, 100) if job["payload"]["args"] == [name])
        same("the class and the queue of the failed job", (failed["payload"]["class"], failed["queue"]),
             ("systems.pyres_system.Held", "default"))
        same(f"whether {failed['error']!r} is what Curfew says", "timeout" in failed["error"], True)


make = Pyres
if __name__ == "__main__" and sys.argv[1:] == ["work"]:
    Worker.run(["default"], server=SERVER, interval=1)
