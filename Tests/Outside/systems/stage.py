"""A private Redis, the workers of a job system on it, and Curfew with that system's preset."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import redis

from instance import Failed, Process, eventually
from systems import jobs, keyspace


class Worker(Process):
    """A worker with all processes that it starts, which end together."""

    def __init__(self, command: list[str], log: pathlib.Path) -> None:
        self.log = log
        environment = {
            **os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parent.parent), "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1"}
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=log.parent,
                start_new_session=True)

    def kill(self) -> None:
        """kill -9, for all of its processes: none has the time to tell anybody."""
        while processes := list(self._processes()):
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self.child.wait()

    def _processes(self) -> Iterator[int]:
        """Those of its session, as some put their children into groups of their own."""
        for place in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name of the program, in parentheses, may hold anything; state, parent, group, session follow.
                state, _, _, session = place.read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.child.pid and state not in "ZX":
                    yield int(place.parent.name)


class Stage:
    """Where one system is tried: an empty Redis, and an empty journal."""

    def __init__(self, curfew: str, folder: pathlib.Path, cluster: redis.RedisCluster | None = None) -> None:
        self.curfew, self.folder = curfew, folder
        self.redis = cluster or redis.Redis(port=jobs.PORT)
        self.workers: list[Worker] = []
        self.configuration = folder / "curfew.yaml"

    @property
    def url(self) -> str:
        """The address of Redis."""
        if isinstance(self.redis, redis.RedisCluster):
            return f"redis+cluster://127.0.0.1:{self.redis.get_primaries()[0].port}"
        return f"redis://127.0.0.1:{jobs.PORT}/0"

    def clear(self) -> None:
        """Forgets everything of the system before."""
        self.stop()
        self.redis.flushall()
        for name in ("journal", "hold"):
            (self.folder / name).unlink(missing_ok=True)

    def start(self, *command: str) -> Worker:
        """Starts a worker; a command that isn't a path is one of those installed beside this Python."""
        program = pathlib.Path(sys.executable).parent / command[0]
        worker = Worker(
            [str(program) if program.exists() else command[0], *command[1:]],
            self.folder / f"worker-{len(self.workers)}.log")
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        """Kills every worker that still runs."""
        for worker in self.workers:
            worker.kill()

    def hold(self, on: bool) -> None:
        """Whether jobs that can be held are."""
        jobs.HOLD.touch() if on else jobs.HOLD.unlink(missing_ok=True)

    def wait(self, what: str, look: Callable[[], object], seconds: float = 40) -> object:
        """Looks again and again, and says what the workers wrote where it is in vain."""
        try:
            return eventually(what, look, seconds)
        except Failed as error:
            told = [worker.log.read_text(errors="replace")[-1_500:] for worker in self.workers[-2:]]
            raise Failed("\n".join([str(error), *told])) from None

    def keys(self) -> dict[bytes, keyspace.Key]:
        """All keys as they are."""
        return keyspace.read(self.redis)

    def use(self, preset: str, **parameters: str | list[str]) -> None:
        """Writes the configuration: this preset, with these parameters."""
        self.configuration.write_text(json.dumps({"redis": self.url, "preset": {preset: parameters}}))

    def call(self, *arguments: str, code: int = 0) -> dict:
        """What Curfew answers, which must end with this code."""
        ended = subprocess.run(
            [self.curfew, *arguments, "--json", "--config", str(self.configuration)],
            capture_output=True, text=True, check=False, timeout=60)
        if ended.returncode != code:
            raise Failed(f"curfew {' '.join(arguments)} ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
        return json.loads(ended.stdout)["result"]

    def due(self, cleanup: str, **actions: int) -> None:
        """Waits until the preview promises exactly this."""
        try:
            eventually(cleanup, lambda: self.call("preview", cleanup)["actions"] == actions, 15)
        except Failed:
            told = self.call("preview", cleanup)
            raise Failed(f"the preview of {cleanup}: expected {actions}, found {json.dumps(told)[:3_000]}") from None

    def run(self, cleanup: str, **actions: int) -> str:
        """Runs a cleanup, which must do exactly this; gives back the run."""
        self.due(cleanup, **actions)
        result: dict = {}

        def has_acted() -> bool:
            result.update(self.call("run", cleanup))
            return result["actions"] != {} or not actions

        # A record that an undo put back is looked at again when its timeout is over, not at once.
        eventually(f"{cleanup} does anything", has_acted, 15)
        same(f"what {cleanup} did", result["actions"], actions)
        same(f"the errors of {cleanup}", result["errors"], [])
        return result["run"]

    def undo(self, run: str, before: dict[bytes, keyspace.Key]) -> None:
        """Undoes a run, after which every key must be as it was before."""
        result = self.call("undo", run)
        same(f"what the undo of {run} left", (result["skipped"], result["errors"]), (0, []))
        nothing(f"after the undo of {run}", keyspace.differences(before, self.keys()))


def same(what: str, found: object, expected: object) -> None:
    """Fails where something isn't what it ought to be."""
    if found != expected:
        raise Failed(f"{what}: found {found!r}, expected {expected!r}")


def nothing(what: str, found: list[str]) -> None:
    """Fails where there is anything."""
    if found:
        raise Failed("\n  ".join([f"{what}:", *found]))


def said(what: str) -> None:
    """One more thing that is as it ought to be."""
    print(f"  ✔ {what}", flush=True)
