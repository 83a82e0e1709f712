"""SAQ: its worker, and what its queue tells of jobs."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from saq import Queue

from systems import jobs
from systems.jobs import PORT
from systems.stage import same
from systems.story import STUCK, System

URL = f"redis://127.0.0.1:{PORT}/0"

# While this is there nobody sweeps.
SWEEP = "saq:default:sweep"


async def ok(_: object, *, name: str) -> str:
    return jobs.ok(name)


async def boom(_: object, *, name: str) -> None:
    jobs.boom(name)


async def held(_: object, *, name: str) -> str:
    return await jobs.held_async(name)


class SAQ(System):
    name, parameters = "saq", {"timeout": "1s", "keep": "1s"}
    stuck, history = "saq-stuck", "saq-history"
    lives = True
    done, also_failed = "complete", ("aborted",)

    def ask(self, name: str, question: Callable[[Queue], Awaitable[object]]) -> object:
        """What a queue answers."""
        async def answer() -> object:
            queue = Queue.from_url(URL, name=name)
            await queue.connect()
            try:
                return await question(queue)
            finally:
                await queue.disconnect()
        return asyncio.run(answer())

    def add(self, queue: str, function: str, name: str, **options: object) -> None:
        """Puts in a job."""
        self.ask(queue, lambda queue: queue.enqueue(function, key=name, name=name, timeout=600, ttl=0, **options))

    def prepare(self) -> None:
        # A worker sweeps when it starts, and takes jobs that it has just begun for lost: only `clean` sweeps here.
        self.stage.redis.set(SWEEP, 1)
        self.add("default", "ok", "job-ok")
        self.add("default", "boom", "job-boom")
        self.add("later", "ok", "waiting")
        self.add("later", "ok", "scheduled", scheduled=int(time.time()) + 3_600)

    def others(self) -> dict[str, str]:
        return {"waiting": "queued", "scheduled": "queued"}

    def put(self, name: str) -> None:
        # With a heartbeat that no job gives, SAQ's own sweep takes a job for stuck after a second.
        self.add("default", "held", name, heartbeat=1 if name.startswith("crowd") else 0)

    def work(self) -> None:
        self.stage.start("saq", "systems.saq_system.settings")

    def state(self, name: str) -> str | None:
        job = self.ask("later" if name in self.others() else "default", lambda queue: queue.job(name))
        return job.status.value if job else None

    def counts(self) -> dict[str, int]:
        info = self.ask("default", lambda queue: queue.info(jobs=True))
        return {name: info[name] for name in ("queued", "active", "scheduled")}

    def silence(self) -> None:
        for key in self.stage.redis.scan_iter("saq:default:worker_info:*"):
            self.stage.redis.delete(key)

    def clean(self) -> None:
        self.stage.redis.delete(SWEEP)
        self.ask("default", lambda queue: queue.sweep(lock=3_600, abort=0.05))

    def after_retry(self) -> None:
        told = self.ask("default", lambda queue: queue.info(jobs=True, limit=100))
        same("what runs and what waits", (told["active"], told["queued"]), (0, 3))
        same("the jobs that its page shows", sorted(job["key"] for job in told["jobs"]), sorted(STUCK))

    def after_fail(self, name: str) -> None:
        job = self.ask("default", lambda queue: queue.job(name))
        same(f"whether {job.error!r} is what Curfew says", "timeout" in job.error, True)
        same("whether it has ended", job.completed > job.started > 0, True)
        same("what is left of it", self.counts(), {"queued": 0, "active": 0, "scheduled": 0})


make = SAQ
settings = {
    "queue": Queue.from_url(URL, name="default"), "functions": [ok, boom, held], "concurrency": SAQ.crowd}
