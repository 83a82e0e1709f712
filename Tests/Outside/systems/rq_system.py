"""RQ: `rq worker-pool`, Queue, Job, and the registries that rq-dashboard shows."""

import datetime

from redis import Redis
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import (
    DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry, StartedJobRegistry,
    clean_registries)

from systems.jobs import PORT
from systems.stage import Stage, same
from systems.story import STUCK, System

REGISTRIES = {
    "started": StartedJobRegistry, "finished": FinishedJobRegistry, "failed": FailedJobRegistry,
    "deferred": DeferredJobRegistry, "scheduled": ScheduledJobRegistry}


class RQ(System):
    name, parameters = "rq", {"timeout": "1s", "keep": "1s"}
    stuck, history, workers = "rq-stuck", "rq-history", "rq-workers"
    lives = True
    done = "finished"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.connection = Redis(port=PORT)
        self.queue, self.later = (Queue(name, connection=self.connection) for name in ("default", "later"))

    def prepare(self) -> None:
        self.queue.enqueue("systems.jobs.ok", "job-ok", job_id="job-ok")
        self.queue.enqueue("systems.jobs.boom", "job-boom", job_id="job-boom")
        waiting = self.later.enqueue("systems.jobs.ok", "waiting", job_id="waiting")
        self.later.enqueue("systems.jobs.ok", "dependent", job_id="dependent", depends_on=waiting)
        self.later.enqueue_in(datetime.timedelta(hours=1), "systems.jobs.ok", "scheduled", job_id="scheduled")

    def others(self) -> dict[str, str]:
        return {"waiting": "queued", "dependent": "deferred", "scheduled": "scheduled"}

    def put(self, name: str) -> None:
        self.queue.enqueue("systems.jobs.held", name, job_id=name, job_timeout=600)

    def work(self) -> None:
        self.stage.start("rq", "worker-pool", "--num-workers", str(self.crowd), "--url", self.stage.url, "default")

    def state(self, name: str) -> str | None:
        try:
            return Job.fetch(name, connection=self.connection).get_status().value
        except NoSuchJobError:
            return None

    def counts(self) -> dict[str, int]:
        counts = {
            name: registry(queue=self.queue).get_job_count(cleanup=False) for name, registry in REGISTRIES.items()}
        return {"queued": self.queue.count, **counts}

    def silence(self) -> None:
        # What a minute does: it is before RQ's own cleaner takes the jobs for abandoned, after a minute and a half.
        for key in filter(self.connection.exists, self.connection.smembers("rq:workers")):
            self.connection.hset(key, "last_heartbeat", "2026-01-01T00:00:00.000000Z")

    def clean(self) -> None:
        clean_registries(self.queue)

    def after_retry(self) -> None:
        same("the queue", sorted(self.queue.get_job_ids()), sorted(STUCK))
        same("the jobs that run", StartedJobRegistry(queue=self.queue).get_job_ids(cleanup=False), [])
        same("the executions", [list(Job.fetch(name, connection=self.connection).get_executions()) for name in STUCK],
             [[], [], []])

    def after_fail(self, name: str) -> None:
        job = Job.fetch(name, connection=self.connection)
        same("the failed jobs", sorted(FailedJobRegistry(queue=self.queue).get_job_ids()), sorted(["job-boom", name]))
        result = job.latest_result()
        same("the latest result", (result.type, "Curfew" in result.exc_string), (result.Type.FAILED, True))
        same("whether it has ended", job.ended_at is None, False)

    def forget_workers(self) -> None:
        # They expire, at last.
        self.connection.delete(*self.connection.keys("rq:worker:*"))
        super().forget_workers()

    def known_workers(self) -> int:
        return Worker.count(connection=self.connection) + Worker.count(queue=self.queue)


make = RQ
