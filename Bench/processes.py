"""Child processes: the private Redis, the probe and the measured programs. None of them outlives the benchmark."""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

import redis

LIMIT_SECONDS = 300  # the time limit of a measurement
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class ChildFailed(Exception):
    """A child process ended with an error, or was ended because it took too long."""


@dataclasses.dataclass
class Finished:
    """The cost and output of a child process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: dict


def die_with_parent() -> None:
    """Runs in the child: it is killed when the benchmark ends, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def python(name: str, *arguments: object) -> list[str]:
    """The command line of a script beside this file."""
    return [sys.executable, "-B", str(pathlib.Path(__file__).parent / name), *map(str, arguments)]


def run(command: list[str], *, watch: Callable[[int], int] | None = None) -> Finished:
    """Runs a command that prints JSON, and measures it from its start to its end.

    `watch` is given its process, and returns its peak memory when it has ended. That is read from /proc while it runs:
    that of `wait4` counts what the parent used before `exec`. Reading disturbs, so it is done only where asked for.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, preexec_fn=die_with_parent)
        limit = threading.Timer(LIMIT_SECONDS, child.kill)
        limit.start()
        try:
            peak = watch(child.pid) if watch else 0
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - started
        except BaseException:
            child.kill()
            raise
        finally:
            limit.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if child.returncode != 0:
        raise ChildFailed(f"{' '.join(command)}: exit code {child.returncode}\n{text[-2_000:]}")
    return Finished(seconds, usage.ru_utime + usage.ru_stime, peak, json.loads(text))


def peak_memory(pid: int) -> int:
    """The peak memory of a process in bytes; returns when it has ended."""
    peak = 0
    while not has_ended(pid):
        peak = max(peak, memory_so_far(pid))
        time.sleep(0.002)
    return peak


def has_ended(pid: int) -> bool:
    """Whether a child process has ended; it stays there for `wait4`."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def memory_so_far(pid: int) -> int:
    """The peak memory of a process so far, in bytes."""
    return memory(pid, "VmHWM:")


def memory(pid: int, kind: str = "VmRSS:") -> int:
    """The resident memory of a process in bytes, or another size that its status names; 0 where it has ended."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1_024
    return 0


@contextlib.contextmanager
def working(command: list[str], log: pathlib.Path) -> Iterator[subprocess.Popen]:
    """Runs a worker or a server during the body and shuts it down."""
    with log.open("wb") as output:
        worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                  preexec_fn=die_with_parent)
    try:
        yield worker
        worker.terminate()
        if worker.wait(timeout=30) != 0:
            raise ChildFailed(f"{command[0]} ended with {worker.returncode}\n{log.read_text()[-2_000:]}")
    finally:
        worker.kill()
        worker.wait()


def listening_port(worker: subprocess.Popen, log: pathlib.Path) -> int:
    """The port in a server's log; waits until it is logged."""
    end = time.monotonic() + 30
    while not (found := re.search(r" port=(\d+)", log.read_text())):
        if worker.poll() is not None or time.monotonic() > end:
            raise ChildFailed(f"nobody listens\n{log.read_text()[-2_000:]}")
        time.sleep(0.02)
    return int(found[1])


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def private_redis(*arguments: str) -> Iterator[redis.Redis]:
    """A private Redis on a free loopback port, without persistence; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="curfew-bench-") as folder:
        port = free_port()
        server = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--save", "",
             "--appendonly", "no", "--slowlog-max-len", "10000", "--loglevel", "warning", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent,
        )
        try:
            client = redis.Redis(port=port)
            await_ready(client, server)
            yield client
        finally:
            server.kill()
            server.wait()


def await_ready(client: redis.Redis, server: subprocess.Popen) -> None:
    """Returns when the server answers; raises if it has ended or takes more than ten seconds."""
    end = time.monotonic() + 10
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if server.poll() is not None or time.monotonic() > end:
                raise ChildFailed("redis-server did not start") from None
            time.sleep(0.02)


@contextlib.contextmanager
def probing(port: int) -> Iterator[dict]:
    """Probes the server during the body; the dictionary has the latencies afterwards."""
    latencies: dict = {}
    probe = subprocess.Popen(
        python("probe.py", port), stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent
    )
    try:
        if probe.stdout.readline() != b"ready\n":
            raise ChildFailed("the probe did not start")
        yield latencies
        output, _ = probe.communicate(timeout=30)
        latencies.update(json.loads(output))
    finally:
        probe.kill()
        probe.wait()
