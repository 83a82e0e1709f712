"""Another user of the same Redis: one GET every 2 ms until standard input closes. Usage: probe.py PORT

Prints the latencies in milliseconds. While one GET waits, those that would have followed wait too: they are counted with
what was left for them to wait, or a server that stops for 100 ms would show as a single slow command.
"""

import json
import select
import socket
import sys
import time

EVERY = 0.002
COMMAND = b"*2\r\n$3\r\nGET\r\n$5\r\nprobe\r\n"


def get(connection: socket.socket) -> float:
    """Sends the command and returns the seconds until its reply was complete."""
    started = time.perf_counter()
    connection.sendall(COMMAND)
    reply = b""
    while not reply.endswith(b"\r\n"):
        received = connection.recv(64)
        if not received:
            raise ConnectionError("the server closed the connection")
        reply += received
    return time.perf_counter() - started


def milliseconds(samples: list[float], share: float) -> float:
    """The latency that this share of the sorted samples does not exceed."""
    return round(1_000 * samples[min(len(samples) - 1, int(share * len(samples)))], 3)


def main() -> None:
    """Says when it is ready, probes, and reports at the end."""
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(20):
        get(connection)
    print("ready", flush=True)
    samples = [get(connection)]
    due = time.perf_counter()
    while not select.select([sys.stdin], [], [], max(0, due - time.perf_counter()))[0]:
        latency = get(connection)
        while latency > 0:
            samples.append(latency)
            latency -= EVERY
        due = max(due + EVERY, time.perf_counter())
    samples.sort()
    shares = {"p50": 0.5, "p99": 0.99, "max": 1}
    latencies = {name: milliseconds(samples, share) for name, share in shares.items()}
    print(json.dumps({"samples": len(samples)} | latencies))


main()
