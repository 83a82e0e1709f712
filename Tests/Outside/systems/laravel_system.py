"""Laravel, written by hand: there is no PHP here, so this makes and reads its keys by the commands of its queue."""

import json
import time

from redis import RedisCluster

from systems.stage import Stage, said, same



class Laravel:
    """The same story as that of the others, told with a worker played by this program."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.redis = stage, stage.redis
        # In a cluster Laravel puts the name of a queue in braces.
        name = "{default}" if isinstance(stage.redis, RedisCluster) else "default"
        self.queue = f"laravel_database_queues:{name}"

    def payload(self, name: str, **more: object) -> bytes:
        """A job as Laravel encodes it, with slashes escaped."""
        job = {"uuid": name, "displayName": "App\\Jobs\\Send", "job": "Illuminate\\Queue\\CallQueuedHandler@call",
               "maxTries": None, "maxExceptions": None, "backoff": None, "timeout": None, "retryUntil": None,
               "data": {"commandName": "App\\Jobs\\Send", "command": "O:4:\"Send\":1:{s:3:\"url\";s:3:\"a/b\";}"},
               "id": f"{name}-id", "attempts": 0, **more}
        return json.dumps(job, separators=(",", ":")).replace("/", "\\/").encode()

    def put(self, name: str, **more: object) -> None:
        """Queue::push."""
        self.redis.rpush(self.queue, self.payload(name, **more))
        self.redis.rpush(f"{self.queue}:notify", 1)

    def pop(self, reserved_for: float = 90) -> dict | None:
        """A worker reserves the next job; it dies where the time is over."""
        body = self.redis.lpop(self.queue)
        self.redis.lpop(f"{self.queue}:notify")
        if body is None:
            return None
        job = json.loads(body)
        job["attempts"] += 1
        job["reserved"] = json.dumps(job, separators=(",", ":")).replace("/", "\\/").encode()
        self.redis.zadd(f"{self.queue}:reserved", {job["reserved"]: int(time.time() + reserved_for)})
        return job

    def sizes(self) -> dict[str, int]:
        """Queue::pendingSize, delayedSize and reservedSize."""
        return {"pending": self.redis.llen(self.queue), "delayed": self.redis.zcard(f"{self.queue}:delayed"),
                "reserved": self.redis.zcard(f"{self.queue}:reserved"), "notify": self.redis.llen(f"{self.queue}:notify")}

    def run_all(self) -> None:
        """The whole story."""
        stage = self.stage
        stage.use("laravel", timeout="1s", retries="1")
        for name in ("lost-1", "lost-2", "alive"):
            self.put(name, **({"retryUntil": int(time.time()) + 9_000} if name == "lost-2" else {}))
        lost, _, alive = self.pop(-60), self.pop(-60), self.pop(300)
        self.put("waiting")
        self.redis.zadd(f"{self.queue}:delayed", {self.payload("delayed"): int(time.time()) + 3_600})
        before = stage.keys()
        stage.undo(stage.run("laravel-stuck", retry=2), before)
        said("undone, every key is what it was")
        stage.run("laravel-stuck", retry=2)
        same("the sizes", self.sizes(), {"pending": 3, "delayed": 1, "reserved": 1, "notify": 3})
        same("the job that runs", self.redis.zrange(f"{self.queue}:reserved", 0, -1), [alive["reserved"]])
        same("the body of a job that is back", lost["reserved"] in self.redis.lrange(self.queue, 0, -1), True)
        said(f"two jobs of a dead worker are back in their queue, as they were: {self.sizes()}")
        same("what waited before", self.pop()["uuid"], "waiting")
        again = [self.pop(), self.pop(-60)]
        got = {(job["uuid"], job["attempts"]) for job in again}
        same("what the next worker gets", got, {("lost-1", 2), ("lost-2", 2)})
        self.redis.zrem(f"{self.queue}:reserved", again[0]["reserved"])
        before = stage.keys()
        stage.undo(stage.run("laravel-stuck", fail=1), before)
        stage.run("laravel-stuck", fail=1)
        failed = self.pop()
        same("the job", failed["uuid"], again[1]["uuid"])
        # What Worker::markJobAsFailedIfAlreadyExceedsMaxAttempts asks before it runs a job.
        fails = not failed["retryUntil"] and failed["maxTries"] and failed["attempts"] > failed["maxTries"]
        same("whether the next worker fails it at once", bool(fails), True)
        rest = [{key: job[key] for key in ("displayName", "data", "id")} for job in (again[1], failed)]
        same("the rest of it", rest[1], rest[0])
        said(f"a job whose workers died twice is failed by the next one: {self.sizes()}")


make = Laravel
