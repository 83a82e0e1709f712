"""A real `curfew work` on a private Redis, for the programs beside this file. Neither outlives them."""

import contextlib
import ctypes
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import redis

from proxy import Proxy

ADMIN = "admin-token-0123456789"
VIEWER = "viewer-token-0123456789"
CRON = "cron-secret-0123456789"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """Something is not as it ought to be."""


def die_with_parent() -> None:
    """Runs in the child: it is killed when this program ends, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def eventually(what: str, look: Callable[[], object], seconds: float = 30) -> object:
    """Looks again and again until there is something, and returns it."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return found


class Process:
    """A child process with its output in a file."""

    def __init__(self, command: list[str], log: pathlib.Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=die_with_parent)

    def output(self) -> str:
        """What it has written so far; fails where it has ended."""
        text = self.log.read_text()
        if self.child.poll() is not None:
            raise Failed(f"{self.child.args[0]} ended with {self.child.returncode}\n{text[-2_000:]}")
        return text

    def kill(self) -> None:
        """Ends it at once."""
        self.child.kill()
        self.child.wait()

    def terminate(self) -> int:
        """Ends it in good order; its exit code."""
        self.child.terminate()
        return self.child.wait(timeout=20)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Instance:
    """The worker, its Redis, and where it answers."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.redis = redis.Redis(port=self.port, decode_responses=True)
        self.proxy = Proxy(self.port)
        self.processes: list[Process] = []
        self.server = self.worker = None
        self.url = ""

    def start(self, curfew: str, cleanups: str, prepare: Callable[["Instance"], None]) -> None:
        """Starts Redis, lets it be filled, and starts the worker; returns when it answers on HTTP."""
        self.serve()
        prepare(self)
        configuration = self.folder / "curfew.yaml"
        configuration.write_text(
            f"redis: redis://127.0.0.1:{self.proxy.port}/0\n"
            f"http: {{listen: '127.0.0.1:0', admin-token: {ADMIN}, viewer-token: {VIEWER}, cron-secret: {CRON}}}\n"
            f"{cleanups}\n")
        self.worker = self._start([curfew, "work", "--config", str(configuration)], "worker.log")
        found = eventually("the worker listens", lambda: re.search(r" host=\S+ port=(\d+)", self.worker.output()))
        self.url = f"http://127.0.0.1:{found[1]}"

    def serve(self) -> None:
        """Starts Redis with what was last saved, at first nothing, and returns when it answers."""
        self.server = self._start(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""],
            "redis.log")
        eventually("redis-server answers", self._answers, 10)

    def _start(self, command: list[str], log: str) -> Process:
        self.processes.append(Process(command, self.folder / log))
        return self.processes[-1]

    def _answers(self) -> bool:
        self.server.output()
        with contextlib.suppress(redis.ConnectionError):
            return self.redis.ping()
        return False

    @property
    def now(self) -> int:
        """The server's time in milliseconds."""
        seconds, microseconds = self.redis.time()
        return seconds * 1_000 + microseconds // 1_000


@contextlib.contextmanager
def running(
    curfew: str, cleanups: str, prepare: Callable[[Instance], None] = lambda _: None
) -> Iterator[Instance]:
    """An instance for the body; it must end in good order after it."""
    with tempfile.TemporaryDirectory(prefix="curfew-outside-") as folder:
        instance = Instance(pathlib.Path(folder))
        try:
            instance.start(curfew, cleanups, prepare)
            yield instance
            if (code := instance.worker.terminate()) != 0:
                raise Failed(f"the worker ended with {code}\n{instance.worker.log.read_text()[-2_000:]}")
        finally:
            for process in instance.processes:
                process.kill()


def curfew_path() -> str:
    """The program to look at: the first argument."""
    if len(sys.argv) < 2 or not pathlib.Path(sys.argv[1]).exists():
        raise SystemExit(f"usage: {sys.argv[0]} PATH-OF-CURFEW: expected the built program; Tests/Outside/run does all")
    return str(pathlib.Path(sys.argv[1]).absolute())
