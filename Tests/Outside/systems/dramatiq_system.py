"""dramatiq with Redis as broker, and its results."""

import json

import dramatiq
from dramatiq.brokers.redis import MAINTENANCE_SCALE, RedisBroker
from dramatiq.results import ResultFailure, ResultMissing, Results
from dramatiq.results.backends import RedisBackend

from systems import jobs
from systems.jobs import PORT
from systems.stage import Stage, same
from systems.story import STUCK, System

URL = f"redis://127.0.0.1:{PORT}/0"
results = RedisBackend(url=URL)
broker = RedisBroker(url=URL, maintenance_chance=0)
keeper = RedisBroker(url=URL, maintenance_chance=MAINTENANCE_SCALE)
broker.add_middleware(Results(backend=results, store_results=True))
dramatiq.set_broker(broker)


def actor(function: object, queue: str, name: str) -> dramatiq.Actor:
    """A function as dramatiq knows it, which isn't tried again by itself."""
    return dramatiq.actor(function, actor_name=name, queue_name=queue, max_retries=0, time_limit=600_000)


ok, boom, held = (actor(function, "default", function.__name__) for function in (jobs.ok, jobs.boom, jobs.held))
later = actor(jobs.ok, "later", "later")


class Dramatiq(System):
    name, parameters = "dramatiq", {"timeout": "1s", "keep": "1s"}
    stuck, history, workers = "dramatiq-stuck", "dramatiq-history", "dramatiq-workers"
    lives = True
    failed = "dead"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.messages: dict[str, dramatiq.Message] = {}
        seconds, _ = stage.redis.time()
        self.long_ago = (seconds - 7_200) * 1_000

    def prepare(self) -> None:
        self.messages["job-ok"] = ok.send("job-ok")
        self.messages["job-boom"] = boom.send("job-boom")
        self.messages["waiting"] = later.send("waiting")
        # A worker takes it, and holds it until its time has come.
        self.messages["delayed"] = ok.send_with_options(args=["delayed"], delay=3_600_000)

    def others(self) -> dict[str, str]:
        return {"waiting": "queued"}

    def old(self) -> list[str]:
        # Of jobs that are done there is nothing but results, which expire.
        return ["job-boom", "doomed"]

    def mark(self, name: str) -> str:
        return self.messages[name].options["redis_message_id"]

    def put(self, name: str) -> None:
        self.messages[name] = held.send(name)

    def work(self) -> None:
        self.stage.start(
            "dramatiq", "systems.dramatiq_system", "--processes", "1", "--threads", str(self.crowd),
            "--queues", "default")

    def state(self, name: str) -> str | None:
        # Where its message stands: the broker itself has no other question than how many there are.
        redis, message = self.stage.redis, self.messages[name]
        queue = "later" if name == "waiting" else "default.DQ" if name == "delayed" else "default"
        key = message.options["redis_message_id"]
        if redis.hexists("dramatiq:default.XQ.msgs", key) and redis.zscore("dramatiq:default.XQ", key):
            return "dead"
        places = redis.lrange(f"dramatiq:{queue}", 0, -1).count(key.encode())
        if places:
            same(f"how often {name} is in its queue", places, 1)
            text = redis.hget(f"dramatiq:{queue}.msgs", key)
            same("the arguments of the message", json.loads(text)["args"], [name])
            return "queued"
        try:
            return "done" if message.get_result(backend=results) == name else None
        except (ResultFailure, ResultMissing):
            return None

    def counts(self) -> dict[str, int]:
        # How many there are altogether, as the broker itself counts them: those that are waiting and those that run.
        counts = {"messages": broker.do_qsize("default"), "dead": self.stage.redis.zcard("dramatiq:default.XQ")}
        # Whoever asks gives a heartbeat by it.
        self.silence()
        return counts

    def silence(self) -> None:
        for worker in self.stage.redis.zrange("dramatiq:__heartbeats__", 0, -1):
            self.stage.redis.zadd("dramatiq:__heartbeats__", {worker: self.long_ago})

    def clean(self) -> None:
        for queue in ("default", "default.DQ"):
            keeper.do_qsize(queue)

    def after_retry(self) -> None:
        held = [key for key in self.stage.redis.scan_iter("dramatiq:__acks__.*") if not key.endswith(b".DQ")]
        same("what workers hold", held, [])
        same("the queue", self.stage.redis.llen("dramatiq:default"), len(STUCK))

    def after_fail(self, name: str) -> None:
        key = self.messages[name].options["redis_message_id"]
        dead = json.loads(self.stage.redis.hget("dramatiq:default.XQ.msgs", key))
        same("the dead letter", (dead["args"], dead["actor_name"]), ([name], "held"))
        same("what is left in the queue", self.stage.redis.hexists("dramatiq:default.msgs", key), False)

    def undo_and_again(self) -> None:
        self.release_delayed()
        super().undo_and_again()

    def release_delayed(self) -> None:
        """What a dead worker held until its time has come is in its queue again."""
        before = self.stage.keys()
        run = self.stage.run("dramatiq-delayed", release=1)
        same("the state of delayed", self.state("delayed"), "queued")
        self.stage.undo(run, before)

    def prune(self) -> None:
        # What the last worker held until its time has come.
        self.stage.run("dramatiq-delayed", release=1)
        same("the state of delayed", self.state("delayed"), "queued")
        super().prune()

    def known_workers(self) -> int:
        return self.stage.redis.zcard("dramatiq:__heartbeats__")


make = Dramatiq
