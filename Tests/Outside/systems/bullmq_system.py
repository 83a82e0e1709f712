"""BullMQ by its Python package, whose commands in Redis are those of Node's."""

import asyncio
from collections.abc import Awaitable, Callable

from bullmq import Queue, Worker

from systems import jobs
from systems.jobs import PORT
from systems.stage import Stage, same
from systems.story import STUCK, System

URL = f"redis://127.0.0.1:{PORT}/0"
QUEUES = {"waiting": "later", "postponed": "later", "urgent": "later"}


async def process(job: object, token: str) -> object:
    """What its worker does with a job."""
    name = job.data["name"]
    if job.name == "held":
        return await jobs.held_async(name)
    return jobs.boom(name) if job.name == "boom" else jobs.ok(name)


async def work() -> None:
    """A worker, until it is killed."""
    Worker("mail", process, {"connection": URL, "concurrency": BullMQ.crowd})
    await asyncio.Event().wait()


class BullMQ(System):
    name, parameters = "bullmq", {"timeout": "1s", "keep": "1s"}
    stuck, history = "bullmq-stuck", "bullmq-history"
    lives = True
    waiting, done, gone = "waiting", "completed", "unknown"

    def ask(self, name: str, question: Callable[[Queue], Awaitable[object]]) -> object:
        """What a queue answers."""
        async def answer() -> object:
            queue = Queue(name, {"connection": URL})
            try:
                return await question(queue)
            finally:
                await queue.close()
        return asyncio.run(answer())

    def add(self, kind: str, name: str, **options: object) -> None:
        """Puts in a job."""
        self.ask(QUEUES.get(name, "mail"), lambda queue: queue.add(kind, {"name": name}, {"jobId": name, **options}))

    def prepare(self) -> None:
        self.add("ok", "job-ok")
        self.add("boom", "job-boom")
        self.add("ok", "waiting")
        self.add("ok", "postponed", delay=3_600_000)
        self.add("ok", "urgent", priority=5)

    def others(self) -> dict[str, str]:
        return {"waiting": "waiting", "postponed": "delayed", "urgent": "prioritized"}

    def put(self, name: str) -> None:
        self.add("held", name)

    def work(self) -> None:
        self.stage.start("python", "-m", "systems.bullmq_system")

    def state(self, name: str) -> str | None:
        return self.ask(QUEUES.get(name, "mail"), lambda queue: queue.getJobState(name))

    def counts(self) -> dict[str, int]:
        return self.ask("mail", lambda queue: queue.getJobCounts("wait", "active", "delayed", "completed", "failed"))

    def silence(self) -> None:
        for key in self.stage.redis.scan_iter("bull:mail:*:lock"):
            self.stage.redis.delete(key)

    def clean(self) -> None:
        self.ask("mail", lambda queue: queue.scripts.moveStalledJobsToWait(1, 1))

    def after_retry(self) -> None:
        waiting = self.ask("mail", lambda queue: queue.getJobs(["wait"]))
        same("the jobs that wait", sorted(job.id for job in waiting), sorted(STUCK))
        same("the jobs that run", self.counts()["active"], 0)
        told = [fields for _, fields in self.stage.redis.xrange("bull:mail:events") if fields[b"event"] == b"stalled"]
        same("the jobs that its events call stalled", {fields[b"jobId"].decode() for fields in told}, set(STUCK))

    def finish_failing(self) -> None:
        # With parents, events and metrics, without running it.
        self.work()

    def after_fail(self, name: str) -> None:
        failed = self.ask("mail", lambda queue: queue.getJobs(["failed"]))
        same("the failed jobs", sorted(job.id for job in failed), sorted(["job-boom", name]))
        reason = next(job.failedReason for job in failed if job.id == name)
        same(f"whether {reason!r} is what Curfew says", "timeout" in reason, True)


make = BullMQ
if __name__ == "__main__":
    asyncio.run(work())
