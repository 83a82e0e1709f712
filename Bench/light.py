"""Many instances in one process, until standard input closes. Usage: light.py PORT FIRST COUNT SPREAD-SECONDS FLEET

FLEET is a file with what they have in common, as JSON (coordination.Fleet). Each has the two connections of a real instance: one for
its calls, one that waits for wake-ups. They have nothing to clean up: a run is a claim and its end. Their first ticks are
spread over some seconds. Prints `ready` when each has had one, and at the end how many ticks and runs there were.
"""

import asyncio
import collections
import json
import pathlib
import signal
import sys

import hiredis

import coordination

LIMIT_SECONDS = 150


class Connection(asyncio.Protocol):
    """Commands and their answers, in order; messages go to `heard`."""

    def __init__(self, heard: asyncio.Event | None = None) -> None:
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
                self.heard.set()
            elif isinstance(reply, Exception):
                self.waiting.popleft().set_exception(reply)
            else:
                self.waiting.popleft().set_result(reply)

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

    def __init__(self, fleet: coordination.Fleet, known: coordination.Known, number: int) -> None:
        self.fleet, self.known = fleet, known
        self.instance = coordination.Instance(fleet, f"light-{number}")
        self.ticks = self.runs = 0
        self.running: list[str] = []
        self.is_ready = asyncio.Event()

    async def work(self, port: int, delay: float) -> None:
        """Works until it is cancelled."""
        await asyncio.sleep(delay)
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        _, self.calls = await loop.create_connection(Connection, "127.0.0.1", port)
        _, messages = await loop.create_connection(lambda: Connection(woken), "127.0.0.1", port)
        await messages.ask(coordination.command("SUBSCRIBE", coordination.WAKE))
        heartbeat = self.fleet.heartbeat_ms / 1_000
        beaten = loop.time() - heartbeat
        async with asyncio.TaskGroup() as group:
            while True:
                woken.clear()
                is_beat = loop.time() - beaten >= 0.9 * heartbeat
                beaten = loop.time() if is_beat else beaten
                answer = self.instance.answer(
                    await self.calls.ask(self.instance.tick(self.known, self.running, is_beat=is_beat)))
                self.ticks += 1
                self.is_ready.set()
                for claim in answer.claims:
                    self.running.append(claim.cleanup)
                    group.create_task(self.run(claim, woken))
                if not answer.has_more:
                    try:
                        await asyncio.wait_for(woken.wait(), answer.sleep)
                    except TimeoutError:
                        pass

    async def run(self, claim: coordination.Claim, woken: asyncio.Event) -> None:
        """Ends a run at once."""
        await self.calls.ask(self.instance.finish(claim))
        self.running.remove(claim.cleanup)
        self.runs += 1
        woken.set()


async def say_ready(clients: list[Client]) -> None:
    """Says that each has had its first tick."""
    for client in clients:
        await client.is_ready.wait()
    print("ready", flush=True)


async def main() -> None:
    """Works with all of them until standard input closes."""
    port, first, count, spread = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    fleet = coordination.Fleet(**json.loads(pathlib.Path(sys.argv[5]).read_text()))
    known = coordination.Known(fleet)
    clients = [Client(fleet, known, first + number) for number in range(count)]
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
