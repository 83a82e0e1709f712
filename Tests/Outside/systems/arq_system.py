"""arq: its worker, and what its Job tells."""

import asyncio
from collections.abc import Awaitable, Callable

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from arq.jobs import Job, JobStatus
from arq.worker import func

from systems import jobs
from systems.jobs import PORT
from systems.stage import same
from systems.story import STUCK, System


async def ok(_: dict, name: str) -> str:
    return jobs.ok(name)


async def boom(_: dict, name: str) -> None:
    jobs.boom(name)


async def held(_: dict, name: str) -> str:
    return await jobs.held_async(name)


class Arq(System):
    name, parameters = "arq", {"timeout": "1s", "keep": "1s", "expires": "310s"}
    stuck, history = "arq-stuck", "arq-history"
    waiting, done, failed, gone = "queued", "complete", "failed", "not_found"
    # A job is released, and arq counts how often it was tried.
    retry = fail = "release"

    def ask(self, question: Callable[[ArqRedis], Awaitable[object]]) -> object:
        """What arq answers."""
        async def answer() -> object:
            pool = await create_pool(RedisSettings(port=PORT))
            try:
                return await question(pool)
            finally:
                await pool.aclose()
        return asyncio.run(answer())

    def add(self, function: str, name: str, **options: object) -> None:
        """Puts in a job."""
        self.ask(lambda pool: pool.enqueue_job(function, name, _job_id=name, **options))

    def prepare(self) -> None:
        self.add("ok", "job-ok")
        self.add("boom", "job-boom")
        self.add("ok", "waiting", _queue_name="later")
        self.add("ok", "deferred", _defer_by=3_600, _queue_name="later")

    def others(self) -> dict[str, str]:
        return {"waiting": "queued", "deferred": "deferred"}

    def put(self, name: str) -> None:
        self.add("held", name)

    def work(self) -> None:
        self.stage.start("arq", "systems.arq_system.WorkerSettings")

    def state(self, name: str) -> str | None:
        async def look(pool: ArqRedis) -> str:
            job = Job(name, pool, "later" if name in self.others() else "arq:queue")
            status = await job.status()
            if status != JobStatus.complete:
                return status.value
            return "complete" if (await job.result_info()).success else "failed"
        return self.ask(look)

    def counts(self) -> dict[str, int]:
        async def look(pool: ArqRedis) -> dict[str, int]:
            return {"queued": len(await pool.queued_jobs()), "results": len(await pool.all_job_results())}
        return self.ask(look)

    def after_retry(self) -> None:
        queued = self.ask(lambda pool: pool.queued_jobs())
        same("the queue", sorted(job.args[0] for job in queued), sorted(STUCK))

    def finish_failing(self) -> None:
        # The third try is one too many.
        self.work()

    def after_fail(self, name: str) -> None:
        told = self.ask(lambda pool: Job(name, pool).result_info())
        same("the error", str(told.result), "max 2 retries exceeded")


class WorkerSettings:
    """What the command `arq` reads."""

    redis_settings = RedisSettings(port=PORT)
    functions = [func(function, max_tries=2, keep_result_forever=True) for function in (ok, boom, held)]
    max_jobs, poll_delay = Arq.crowd, 0.1


make = Arq
