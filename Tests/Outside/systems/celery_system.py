"""Celery with Redis as broker and as result backend, whose tasks are acknowledged when they are over."""

import base64
import json

from celery import Celery
from celery.result import AsyncResult
from kombu import Connection

from systems import jobs
from systems.jobs import PORT
from systems.stage import said, same
from systems.story import STUCK, System

URL = f"redis://127.0.0.1:{PORT}/0"
app = Celery("adoption", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True,
    task_default_queue="celery", worker_cancel_long_running_tasks_on_connection_loss=False)
ok, boom, held = (app.task(name=function.__name__)(function) for function in (jobs.ok, jobs.boom, jobs.held))


class CeleryTasks(System):
    name, parameters = "celery", {"timeout": "1s", "keep": "1s"}
    stuck, history = "celery-stuck", "celery-history"
    # Celery knows no more of a task than its result.
    waiting, done, failed, gone = "PENDING", "SUCCESS", "FAILURE", "PENDING"

    def prepare(self) -> None:
        ok.apply_async(["job-ok"], task_id="job-ok")
        boom.apply_async(["job-boom"], task_id="job-boom")
        ok.apply_async(["waiting"], task_id="waiting", queue="later")
        # A worker takes it, and holds it without acknowledging it.
        ok.apply_async(["countdown"], task_id="countdown", countdown=3_600)

    def others(self) -> dict[str, str]:
        return {"waiting": "PENDING", "countdown": "PENDING"}

    def put(self, name: str) -> None:
        held.apply_async([name], task_id=name)

    def work(self) -> None:
        self.stage.start(
            "celery", "-A", "systems.celery_system", "worker", "--concurrency", str(self.crowd), "-Q", "celery",
            "--loglevel", "warning", "--without-gossip", "--without-mingle")

    def state(self, name: str) -> str | None:
        app.backend.remove_pending_result(AsyncResult(name, app=app))
        return AsyncResult(name, app=app).state

    def messages(self, held_back: bool) -> list[str]:
        """The tasks whose messages wait in the queue, or are held by a worker."""
        redis = self.stage.redis
        found = [json.loads(text)[0] for text in redis.hvals("unacked")] if held_back else [
            json.loads(text) for text in redis.lrange("celery", 0, -1)]
        for message in found:
            json.loads(base64.b64decode(message["body"]))
        return sorted(message["headers"]["id"] for message in found)

    def counts(self) -> dict[str, int]:
        # Together, because its own cleaner puts back what waits for its time too.
        return {"messages": len(self.messages(False)) + len(self.messages(True))}

    def clean(self) -> None:
        with Connection(URL, transport_options={"visibility_timeout": 1}) as connection:
            connection.default_channel.qos.restore_visible(num=100, interval=1)

    def after_retry(self) -> None:
        same("the queue", [name for name in self.messages(False) if name != "countdown"], sorted(STUCK))
        same("what a worker holds, without what waits for its time", set(self.messages(True)) - {"countdown"}, set())
        same("the index of what a worker holds", self.stage.redis.zcard("unacked_index"), len(self.messages(True)))

    def after_fail(self, name: str) -> None:
        result = AsyncResult(name, app=app)
        same("the exception", type(result.result).__name__, "WorkerLostError")
        same(f"whether {result.result} is what Curfew says", "timeout" in str(result.result), True)
        same("whether it is ready, and has failed", (result.ready(), result.failed()), (True, True))
        same("its messages", [name in self.messages(kind) for kind in (False, True)], [False, False])
        said(f"result.get() would raise {result.result!r}")


make = CeleryTasks
