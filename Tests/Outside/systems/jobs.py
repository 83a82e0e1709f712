"""What the workers of every system run. Each job writes into a journal when it starts and when it ends."""

import asyncio
import os
import pathlib
import time

FOLDER = pathlib.Path(os.environ.get("ADOPTION_FOLDER", "."))
PORT = int(os.environ.get("ADOPTION_PORT", "6379"))
HOLD = FOLDER / "hold"


def write(what: str, name: str) -> None:
    """One line of the journal, in one piece."""
    with (FOLDER / "journal").open("a") as journal:
        journal.write(f"{what} {name}\n")


def journal(what: str, name: str) -> int:
    """How often something happened to a job."""
    file = FOLDER / "journal"
    return file.read_text().splitlines().count(f"{what} {name}") if file.exists() else 0


def last_line() -> float:
    """When something was last written into the journal."""
    return (FOLDER / "journal").stat().st_mtime


def ok(name: str) -> str:
    """A job that is done at once."""
    write("start", name)
    write("end", name)
    return name


def boom(name: str) -> None:
    """A job that fails."""
    write("start", name)
    raise ValueError(name)


def held(name: str) -> str:
    """A job that lasts for as long as the file `hold` is there."""
    write("start", name)
    while HOLD.exists():
        time.sleep(0.02)
    write("end", name)
    return name


async def held_async(name: str) -> str:
    """The same for workers with an event loop."""
    write("start", name)
    while HOLD.exists():
        await asyncio.sleep(0.02)
    write("end", name)
    return name
