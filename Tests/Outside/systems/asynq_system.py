"""asynq, written by hand: there is no Go here, so the keys are made and read by the commands that its broker sends."""

import time

from systems import jobs
from systems.keyspace import differences, naming
from systems.stage import Stage, nothing, said, same

QUEUE = "asynq:{default}"
STATES = ("pending", "active", "scheduled", "retry", "archived", "completed")


def message(name: str) -> bytes:
    """A task as asynq encodes it (Protocol Buffers): type, payload, id, queue."""
    fields = (b"email:send", b"\xff\x00payload", name.encode(), b"default")
    return b"".join(bytes([number << 3 | 2, len(text)]) + text for number, text in enumerate(fields, 1))


class Asynq:
    """The same story as that of the others, told with a server played by this program."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.redis = stage, stage.redis

    def put(self, name: str) -> None:
        """Client.Enqueue."""
        self.redis.sadd("asynq:queues", "default")
        self.redis.hset(f"{QUEUE}:t:{name}", mapping={
            "msg": message(name), "state": "pending", "pending_since": time.time_ns()})
        self.redis.lpush(f"{QUEUE}:pending", name)

    def set_aside(self, name: str, state: str, score: float) -> None:
        """A task that is scheduled, to be retried, archived or completed."""
        self.redis.hset(f"{QUEUE}:t:{name}", mapping={"msg": message(name), "state": state})
        self.redis.zadd(f"{QUEUE}:{state}", {name: int(score)})

    def take(self, lease: float = 30) -> str | None:
        """A server takes the next task; it dies where the lease is over."""
        name = self.redis.rpoplpush(f"{QUEUE}:pending", f"{QUEUE}:active")
        if name is None:
            return None
        name = name.decode()
        same(f"the message of {name}", self.redis.hget(f"{QUEUE}:t:{name}", "msg"), message(name))
        self.redis.hset(f"{QUEUE}:t:{name}", "state", "active")
        self.redis.hdel(f"{QUEUE}:t:{name}", "pending_since")
        self.redis.zadd(f"{QUEUE}:lease", {name: int(time.time() + lease)})
        jobs.write("start", name)
        return name

    def done(self, name: str) -> None:
        """A server is done with a task: all three of these must be there."""
        found = (self.redis.lrem(f"{QUEUE}:active", 0, name), self.redis.zrem(f"{QUEUE}:lease", name),
                 self.redis.delete(f"{QUEUE}:t:{name}"))
        same(f"the places of {name}", found, (1, 1, 1))

    def info(self) -> dict[str, int]:
        """Inspector.GetQueueInfo."""
        return {state: self.redis.llen(f"{QUEUE}:{state}") if state in ("pending", "active")
                else self.redis.zcard(f"{QUEUE}:{state}") for state in STATES}

    def state(self, name: str) -> str | None:
        """Inspector.GetTaskInfo: the field, which must agree with the place."""
        state = self.redis.hget(f"{QUEUE}:t:{name}", "state")
        if state is None:
            return None
        key = f"{QUEUE}:{state.decode()}"
        there = self.redis.lpos(key, name) if state in (b"pending", b"active") else self.redis.zscore(key, name)
        same(f"whether {name} is in {key}", there is None, False)
        return state.decode()

    def run_all(self) -> None:
        """The whole story."""
        stage = self.stage
        stage.use("asynq", timeout="1s", keep="1s", queues=["default", "low"])
        for name in ("lost-1", "lost-2", "alive"):
            self.put(name)
        for lease in (-60, -60, 300):
            self.take(lease)
        # In a queue that isn't Curfew's business.
        self.redis.hset("asynq:{other}:t:elsewhere", mapping={"msg": message("elsewhere"), "state": "active"})
        self.redis.lpush("asynq:{other}:active", "elsewhere")
        self.redis.zadd("asynq:{other}:lease", {"elsewhere": int(time.time()) - 60})
        self.put("waiting")
        self.set_aside("scheduled", "scheduled", time.time() + 3_600)
        self.set_aside("again", "retry", time.time() + 3_600)
        self.set_aside("kept", "completed", time.time() + 3_600)
        self.redis.zadd("asynq:servers", {"asynq:servers:{vm:1:a}": int(time.time()) - 60,
                                          "asynq:servers:{vm:2:b}": int(time.time()) + 60})
        self.redis.set("asynq:servers:{vm:2:b}", b"\x01\xff", ex=60)
        before = stage.keys()
        stage.undo(stage.run("asynq-stuck", retry=2), before)
        said("undone, every key is what it was")
        stage.run("asynq-stuck", retry=2)
        for name, state in {"lost-1": "pending", "lost-2": "pending", "alive": "active", "waiting": "pending",
                            "scheduled": "scheduled", "again": "retry", "kept": "completed"}.items():
            same(f"the state of {name}", self.state(name), state)
        since = int(self.redis.hget(f"{QUEUE}:t:lost-1", "pending_since"))
        same("since when it is pending, in nanoseconds", abs(time.time_ns() - since) < 60e9, True)
        said(f"two tasks of a dead server are pending again: {self.info()}")
        same("what the next server takes first", {self.take(), self.take()}, {"lost-1", "lost-2"})
        self.done("lost-1")
        self.redis.zadd(f"{QUEUE}:lease", {"lost-2": int(time.time()) - 60})
        before = stage.keys()
        stage.undo(stage.run("asynq-stuck", fail=1), before)
        stage.run("asynq-stuck", fail=1)
        same("the state of lost-2", self.state("lost-2"), "archived")
        same("its score", abs(time.time() - self.redis.zscore(f"{QUEUE}:archived", "lost-2")) < 60, True)
        said(f"a task whose servers died twice is archived: {self.info()}")
        self.prune()

    def prune(self) -> None:
        """Archived and completed tasks that are old enough go with all their keys, and servers that are gone."""
        stage = self.stage
        self.set_aside("old", "archived", time.time() - 60)
        self.set_aside("expired", "completed", time.time() - 60)
        before = stage.keys()
        stage.undo(stage.run("asynq-history", remove=3), before)
        stage.run("asynq-history", remove=3)
        nothing("what is left of the history", [f"{key!r}" for key in naming(stage.keys(), "lost-2", "old", "expired")])
        kept = (b"{other}", b"alive", b"waiting", b"scheduled", b"again", b"kept", b"pending", b"active")
        others = {key: held for key, held in before.items() if any(name in key for name in kept)}
        nothing("other tasks", differences(others, {key: held for key, held in stage.keys().items() if key in others}))
        said(f"the history is gone, with all its keys: {self.info()}")
        before = stage.keys()
        stage.undo(stage.run("asynq-servers", release=1), before)
        stage.run("asynq-servers", release=1)
        same("the servers", self.redis.zrange("asynq:servers", 0, -1), [b"asynq:servers:{vm:2:b}"])
        said("a server that is gone is forgotten")


make = Asynq
