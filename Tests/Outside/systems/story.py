"""What every system goes through: workers die, Curfew brings their jobs home, and the system's own client is asked."""

import contextlib
import threading
import time
from collections.abc import Iterator

from instance import Failed
from systems import keyspace
from systems.jobs import journal, last_line
from systems.stage import Stage, nothing, said, same

STUCK = ("held-1", "held-2", "held-3")


class System:
    """A job system. The methods that raise are its own; the others may be."""

    name = ""  # of its preset
    parameters: dict[str, str] = {}  # short times
    stuck, history, workers = "", "", ""  # its cleanups; empty where there is none
    waiting, done, failed = "queued", "done", "failed"  # what its own client calls these states
    retry, fail = "retry", "fail"  # what its cleanup of stuck jobs does
    lives = False  # whether its workers give a sign of life that these short times don't outrun
    crowd = 4  # how many jobs its workers run at once
    also_failed: tuple[str, ...] = ()  # what else its own cleaner may make of a job
    gone: str | None = None  # what the client says of a job that is no more

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def prepare(self) -> None:
        """Puts in `job-ok` and `job-boom`, and those of `others`."""
        raise NotImplementedError

    def others(self) -> dict[str, str]:
        """Jobs that are none of Curfew's business (waiting, scheduled, deferred), and their states."""
        raise NotImplementedError

    def put(self, name: str) -> None:
        """Puts in a job that is held."""
        raise NotImplementedError

    def work(self) -> None:
        """Starts a worker that can run several jobs at once, or several workers."""
        raise NotImplementedError

    def state(self, name: str) -> str | None:
        """What its client says of a job."""
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """The numbers that its dashboard shows."""
        raise NotImplementedError

    def silence(self) -> None:
        """Lets the time pass after which a dead worker is known to be dead."""

    def clean(self) -> None:
        """What it does by itself against jobs whose worker died, now."""

    def after_retry(self) -> None:
        """What else is to be seen when `STUCK` are back in their queue."""

    def after_fail(self, name: str) -> None:
        """What else is to be seen of a job that has failed for good."""

    def finish_failing(self) -> None:
        """What it takes until a job that Curfew failed is told to have failed, where a worker does that."""

    def kill(self) -> None:
        """kill -9 for every worker."""
        self.stage.stop()
        self.silence()

    def run_all(self) -> None:
        """The whole story."""
        self.stage.use(self.name, **self.parameters)
        self.recover()
        self.undo_and_again()
        self.finish()
        self.fail_for_good()
        self.beside()
        if self.workers:
            self.forget_workers()
        if self.history:
            self.prune()

    # The parts of the story.

    def recover(self) -> None:
        """Jobs of a killed worker are in the registry of running jobs until Curfew puts them back."""
        stage = self.stage
        self.prepare()
        stage.hold(True)
        self.work()
        stage.wait("ok is over", lambda: self.state("job-ok") == self.done)
        stage.wait("boom has failed", lambda: self.state("job-boom") == self.failed)
        self.start(*STUCK)
        if self.lives:
            self.leave_living()
        self.kill()
        self.before = stage.keys()
        self.first = stage.run(self.stuck, **{self.retry: len(STUCK)})
        self.see_retried()

    def leave_living(self) -> None:
        """Jobs that are old enough, whose worker lives, are left."""
        self.stage.wait("the jobs are older than `timeout`", lambda: time.time() - last_line() > 1.5, 10)
        self.stage.run(self.stuck)
        said("jobs of a living worker are left")

    def see_retried(self) -> None:
        """What the client must say of jobs that are back in their queue."""
        for name in STUCK:
            same(f"the state of {name}", self.state(name), self.waiting)
        self.after_retry()
        for name, state in self.others().items():
            same(f"the state of {name}", self.state(name), state)
        self.see_unchanged(*self.others(), "job-ok", "job-boom")
        said(f"three jobs of a killed worker are {self.waiting} again: {self.counts()}")

    def see_unchanged(self, *names: str) -> None:
        """That the keys of these jobs are what they were."""
        before = {key: held for key, held in self.before.items() if any(name.encode() in key for name in names)}
        after = {key: held for key, held in self.stage.keys().items() if key in before}
        nothing("jobs that nobody asked for", keyspace.differences(before, after))

    def undo_and_again(self) -> None:
        """The undo puts every key back; then the same once more, with the system's own cleaner after it."""
        self.stage.undo(self.first, self.before)
        said("undone, every key is what it was")
        self.stage.run(self.stuck, **{self.retry: len(STUCK)})
        counts = self.counts()
        self.clean()
        same("the counts after its own cleaner", self.counts(), counts)
        self.see_retried()

    def finish(self) -> None:
        """A new worker runs each of them exactly once."""
        self.stage.hold(False)
        self.work()
        for name in STUCK:
            self.stage.wait(f"{name} is over", lambda name=name: self.state(name) == self.done)
            same(f"how often {name} was begun and ended", (journal("start", name), journal("end", name)), (2, 1))
        self.stage.run(self.stuck)
        said("a new worker ran each of them exactly once")
        self.stage.stop()
        self.silence()

    def fail_for_good(self) -> None:
        """A job whose workers die again and again fails, and the client says so."""
        stage = self.stage
        stage.hold(True)
        self.put("doomed")
        for times, action in ((1, self.retry), (2, self.fail)):
            self.work()
            stage.wait(f"doomed runs for the {times}. time", lambda times=times: journal("start", "doomed") == times)
            self.running("doomed")
            self.kill()
            self.before = stage.keys()
            self.first = stage.run(self.stuck, **{action: 1})
        stage.undo(self.first, self.before)
        stage.run(self.stuck, **{self.fail: 1})
        self.finish_failing()
        stage.wait(f"doomed is {self.failed}", lambda: self.state("doomed") == self.failed)
        self.after_fail("doomed")
        same("how often doomed was begun and ended", (journal("start", "doomed"), journal("end", "doomed")), (2, 0))
        stage.stop()
        self.silence()
        said(f"a job whose workers died twice is {self.failed}: {self.counts()}")

    def beside(self) -> None:
        """Its own cleaner at work while Curfew is: no job is lost, none is there twice."""
        stage, names = self.stage, [f"crowd-{number}" for number in range(self.crowd)]
        stage.hold(True)
        self.work()
        self.start(*names)
        self.kill()
        stage.due(self.stuck, **{self.retry: self.crowd})
        with self.cleaning():
            stage.call("run", self.stuck)
        stage.hold(False)
        self.work()
        over = (self.done, self.failed, *self.also_failed)
        for name in names:
            stage.wait(f"{name} is over", lambda name=name: self.state(name) in over)
            same(f"how often {name} ended", journal("end", name), 1 if self.state(name) == self.done else 0)
        stage.stop()
        self.silence()
        said(f"its own cleaner at work beside Curfew: {len(names)} jobs, none lost, none twice")

    @contextlib.contextmanager
    def cleaning(self) -> Iterator[None]:
        """Its own cleaner, again and again while the body runs."""
        end, troubles = threading.Event(), []

        def clean() -> None:
            try:
                while not end.is_set():
                    self.clean()
            except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
                troubles.append(error)

        thread = threading.Thread(target=clean)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
        if troubles:
            raise Failed(f"its own cleaner: {troubles[0]!r}")

    def forget_workers(self) -> None:
        """The names of workers that are gone are gone too."""
        before = self.stage.keys()
        result = self.stage.call("run", self.workers)
        same("the errors", result["errors"], [])
        same("workers that its client knows", self.known_workers(), 0)
        self.stage.undo(result["run"], before)
        self.stage.call("run", self.workers)
        said(f"the names of {result['cleanedUp']} dead workers are gone")

    def known_workers(self) -> int:
        """How many workers its client tells of."""
        raise NotImplementedError

    def prune(self) -> None:
        """What is older than `keep` is gone with all its keys, and nothing else."""
        stage, old = self.stage, self.old()
        self.before = stage.keys()
        self.first = ""
        stage.wait("all of the history is old enough", lambda: self.pruned_all(old), 20)
        left = keyspace.naming(stage.keys(), *map(self.mark, old))
        nothing("what is left of the history", [f"{key!r}: {held}" for key, held in left.items()])
        self.see_unchanged(*self.others())
        for name, state in self.others().items():
            same(f"the state of {name}", self.state(name), state)
        said(f"the history is gone, with all its keys: {self.counts()}")

    def pruned_all(self, old: list[str]) -> bool:
        """Whether a run of the history leaves nothing. The first one that does anything is undone."""
        before = self.stage.keys()
        result = self.stage.call("run", self.history)
        same("the errors", result["errors"], [])
        if result["cleanedUp"] > 0 and not self.first:
            self.first = result["run"]
            self.stage.undo(self.first, before)
        return not any(self.state(name) != self.gone for name in old)

    def mark(self, name: str) -> str:
        """What stands in the keys of a job."""
        return name

    def old(self) -> list[str]:
        """The jobs of which nothing may be left in the end."""
        return ["job-ok", "job-boom", *STUCK, "doomed"]

    def start(self, *names: str) -> None:
        """Puts in jobs that are held, and returns when all of them run."""
        for name in names:
            self.put(name)
        for name in names:
            self.stage.wait(f"{name} runs", lambda name=name: journal("start", name) > 0)
            self.running(name)

    def running(self, name: str) -> None:
        """Returns when the system itself knows that a job runs, where that comes later than its start."""
