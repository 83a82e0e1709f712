"""Kills the workers of real job systems in the middle of a job, lets Curfew bring the jobs home by its presets, and
asks each system's own client what it thinks of that. Started by Tests/Outside/run adoption; `adoption.py PROGRAM rq bullmq`
tries these two.
"""

import contextlib
import importlib
import os
import pathlib
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator

import redis

from instance import Failed, Process, curfew_path, eventually, free_port

SYSTEMS = [
    "rq", "bullmq", "celery", "saq", "arq", "dramatiq", "sidekiq", "pyres", "asynq", "asynq-cluster", "laravel",
    "laravel-cluster"]


def answers(port: int, server: Process) -> bool:
    """Whether Redis is there."""
    server.output()
    try:
        return redis.Redis(port=port).ping()
    except redis.ConnectionError:
        return False


@contextlib.contextmanager
def stage_for(name: str, curfew: str, folder: pathlib.Path) -> Iterator[object]:
    """An empty stage, in a cluster of its own where the name says so."""
    # Here, and not above: what these import reads the address of Redis from the environment.
    cluster, stage_module = (importlib.import_module(f"systems.{module}") for module in ("cluster", "stage"))
    with cluster.running(folder) if name.endswith("-cluster") else contextlib.nullcontext() as client:
        stage = stage_module.Stage(curfew, folder, client)
        try:
            stage.clear()
            yield stage
        finally:
            stage.stop()


def tried(name: str, curfew: str, folder: pathlib.Path) -> bool:
    """Whether one system went through the whole story."""
    print(f"{name}", flush=True)
    begun = time.monotonic()
    try:
        with stage_for(name, curfew, folder) as stage:
            importlib.import_module(f"systems.{name.removesuffix('-cluster')}_system").make(stage).run_all()
    except Failed as error:
        print(f"  ✘ {error}", flush=True)
        return False
    except Exception:  # noqa: BLE001 (the others are tried all the same)
        print(f"  ✘ {traceback.format_exc()}", flush=True)
        return False
    print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    return True


def main() -> int:
    """Every system that is named, or all."""
    curfew, names = curfew_path(), sys.argv[2:] or SYSTEMS
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise SystemExit(f"there is no {unknown[0]} here: expected one of {', '.join(SYSTEMS)}")
    with tempfile.TemporaryDirectory(prefix="curfew-adoption-") as place:
        folder, port = pathlib.Path(place), free_port()
        os.environ.update(ADOPTION_FOLDER=place, ADOPTION_PORT=str(port))
        server = Process(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", place, "--save", ""],
            folder / "redis.log")
        try:
            eventually("redis-server answers", lambda: answers(port, server), 10)
            done = [tried(name, curfew, folder) for name in names]
        finally:
            server.kill()
    return 0 if all(done) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
