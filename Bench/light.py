"""Many instances in one process, until standard input closes. Usage: light.py PORT FIRST COUNT SPREAD-SECONDS FLEET

FLEET is a file with what they have in common, as JSON (coordination.Fleet). Each has the two connections of a real
instance: one for its calls, one that waits for wake-ups. They have nothing to clean up: a run is a claim, a look at an
empty index, and its end. Their first ticks are spread over some seconds. Prints `ready` when each has had one, and at
the end how many ticks and runs there were.
"""

import asyncio
import collections
import contextlib
import json
import pathlib
import signal
import sys
from collections.abc import Callable

import hiredis

import coordination

LIMIT_SECONDS = 150


class Connection(asyncio.Protocol):
    """Commands and their answers, in order; messages go to `heard`."""

    def __init__(self, heard: Callable[[str], None] | None = None) -> None:
        self.reader, self.heard = hiredis.Reader(), heard
        self.waiting: collections.deque[asyncio.Future] = collections.deque()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Keeps what to write to."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Hands each whole answer to whoever waits for it."""
        self.reader.feed(data)
        while (reply := self.reader.gets()) is not False:
            if self.heard and reply[0] == b"message":
                self.heard(reply[2].decode())
            elif (future := self.waiting.popleft()).done():  # whoever waited was cancelled
                continue
            elif isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for ever."""
        for future in self.waiting:
            if not future.done():
                future.set_exception(error or ConnectionError("the server closed the connection"))

    def ask(self, words: bytes) -> asyncio.Future:
        """Sends a command; the future has its answer."""
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        self.transport.write(words)
        return future


class Client:
    """One instance: ticks, runs what it has claimed, and sleeps until there is something to do."""

    def __init__(self, fleet: coordination.Fleet, number: int) -> None:
        self.heartbeat = fleet.heartbeat_ms / 1_000
        self.instance = coordination.instance(fleet, f"light-{number}")
        self.ticks = self.runs = 0
        self.running: list[str] = []
        self.is_tick_due = False  # before its time, because a run has ended
        self.woken, self.is_ready = asyncio.Event(), asyncio.Event()

    async def work(self, port: int, delay: float) -> None:
        """Works until it is cancelled."""
        await asyncio.sleep(delay)
        loop = asyncio.get_running_loop()
        _, self.calls = await loop.create_connection(Connection, "127.0.0.1", port)
        _, messages = await loop.create_connection(lambda: Connection(self.heard), "127.0.0.1", port)
        await messages.ask(coordination.command("SUBSCRIBE", coordination.WAKE))
        beaten = loop.time() - self.heartbeat
        async with asyncio.TaskGroup() as group:
            while True:
                self.is_tick_due = False
                is_beat = loop.time() - beaten >= 0.9 * self.heartbeat
                beaten = loop.time() if is_beat else beaten
                reply = await self.calls.ask(self.instance.tick(self.running, is_beat=is_beat))
                answer = self.instance.answer(reply, loop.time(), beaten + self.heartbeat)
                self.ticks += 1
                self.is_ready.set()
                for claim in answer.claims:
                    self.running.append(claim.cleanup)
                    group.create_task(self.run(claim))
                for call in answer.calls:
                    await self.calls.ask(call)
                await self.rest()

    async def rest(self) -> None:
        """Waits until a tick is due."""
        loop, instance = asyncio.get_running_loop(), self.instance
        while not self.is_tick_due:
            cleanups = instance.agenda.step(loop.time())
            if cleanups is None:
                self.woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(instance.agenda.next):
                        await self.woken.wait()
            elif not cleanups or instance.is_due(
                    cleanups, await self.calls.ask(instance.peek(cleanups)), loop.time()):
                return

    def heard(self, cleanup: str) -> None:
        """A message says that a cleanup may be due."""
        self.instance.heard(cleanup, self.running, asyncio.get_running_loop().time())
        self.woken.set()

    async def run(self, claim: coordination.Claim) -> None:
        """A run that has nothing to do."""
        await asyncio.gather(*map(self.calls.ask, self.instance.look_over(claim)))
        await self.calls.ask(self.instance.finish(claim))
        self.running.remove(claim.cleanup)
        self.runs += 1
        self.is_tick_due = True
        self.woken.set()


async def say_ready(clients: list[Client]) -> None:
    """Says that each has had its first tick."""
    for client in clients:
        await client.is_ready.wait()
    print("ready", flush=True)


async def main() -> None:
    """Works with all of them until standard input closes."""
    port, first, count, spread = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    fleet = coordination.Fleet(**json.loads(pathlib.Path(sys.argv[5]).read_text()))
    clients = [Client(fleet, first + number) for number in range(count)]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.work(port, spread * number / count)) for number, client in enumerate(clients)]
        tasks.append(group.create_task(say_ready(clients)))
        await reader.read()
        for task in tasks:
            task.cancel()
    for client in clients:
        if hasattr(client, "calls"):
            await asyncio.gather(*map(client.calls.ask, client.instance.leave()))
    totals = {"ticks": sum(client.ticks for client in clients), "runs": sum(client.runs for client in clients)}
    print(json.dumps(totals), flush=True)


signal.alarm(LIMIT_SECONDS)
asyncio.run(main())
