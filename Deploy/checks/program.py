"""Measures the program that is given away: how soon it is ready, what it needs while idle, how long its probe takes.

Usage: program.py PROGRAM
"""

import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CLEANUP = """cleanups:
  jobs: {policy: stuck, every: 1h, records: "job:<id>", states: [A], since: [at], timeout: 1h, to: B}
"""
MOST_READY, MOST_HEALTH, MOST_MEMORY = 0.2, 0.2, 30
# Seconds until a worker counts as idle: it has told others of itself twice by then.
IDLE = 25


class Failed(Exception):
    """Something is not as it ought to be."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(url: str) -> bool:
    """Whether a URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def eventually(what: str, look, seconds: float = 15) -> None:
    """Looks again and again until it is so."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.002)


def resident(pid: int) -> float:
    """The resident memory of a process, in MB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6


def start_and_stop(command: list[str], url: str, idle: float) -> tuple[float, float]:
    """Seconds from the start to ready, and the memory after so many seconds more, in MB."""
    begin = time.monotonic()
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        eventually("the worker is ready", lambda: worker.poll() is not None or answers(url + "/readyz"))
        seconds = time.monotonic() - begin
        time.sleep(idle)
        memory = resident(worker.pid)
        worker.terminate()
        if (code := worker.wait(timeout=20)) != 0:
            raise Failed(f"the worker ended with {code}: {worker.stderr.read()[-1000:]}")
        return seconds, memory
    finally:
        worker.kill()
        worker.wait()
        worker.stderr.close()


def probe(program: str, configuration: pathlib.Path, command: list[str], url: str) -> float:
    """The median seconds of `curfew health` while a worker lives; it must say no before and afterwards."""
    health = [program, "health", "--config", str(configuration)]
    if (dead := subprocess.run(health, capture_output=True, text=True, check=False)).returncode != 1:
        raise Failed(f"health without a worker: exit {dead.returncode}, expected 1: {dead.stderr}")
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually("the worker answers", lambda: answers(url + "/healthz"))
        times = []
        for _ in range(5):
            begin = time.monotonic()
            subprocess.run(health, check=True, stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - begin)
        return statistics.median(times)
    finally:
        worker.kill()
        worker.wait()


def main() -> int:
    """Everything, on a Redis of its own; 1 where a figure is missed."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    program = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="curfew-kit-") as name:
        folder = pathlib.Path(name)
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", ""],
            stdout=subprocess.DEVNULL, cwd=folder)
        try:
            eventually("Redis listens", (folder / "redis.sock").exists)
            port = free_port()
            configuration = folder / "curfew.yaml"
            configuration.write_text(
                f"redis: redis+unix://{folder}/redis.sock\nhttp: {{listen: '127.0.0.1:{port}', open: true}}\n{CLEANUP}")
            command = [program, "work", "--config", str(configuration)]
            url = f"http://127.0.0.1:{port}"
            runs = [start_and_stop(command, url, 0) for _ in range(4)] + [start_and_stop(command, url, IDLE)]
            ready, memory = statistics.median(run[0] for run in runs), runs[-1][1]
            health = probe(program, configuration, command, url)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            print(f"✘ {error}", file=sys.stderr)
            return 1
        finally:
            server.kill()
            server.wait()
    size = pathlib.Path(program).stat().st_size / 1e6
    figures = f"ready after {ready * 1000:.0f} ms; {memory:.0f} MB when idle; health in {health * 1000:.0f} ms"
    print(f"✔ the program has {size:.0f} MB; {figures}")
    missed = [
        f"{what}: expected at most {most}" for what, found, most in [
            ("seconds to ready", ready, MOST_READY), ("seconds of health", health, MOST_HEALTH),
            ("MB when idle", memory, MOST_MEMORY)] if found > most]
    for line in missed:
        print(f"✘ {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
