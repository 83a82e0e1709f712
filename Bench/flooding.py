"""Floods a port of this machine until it is ended, and then prints as JSON how often it was answered.

Started by flood.py: `flooding.py KIND PORT TOKEN`. Each kind is what a stranger may send, except `readings`, which are
sent with a valid token.
"""

import json
import resource
import signal
import socket
import sys
import threading
import time

CONNECTIONS = 48  # concurrent connections that wait for answers
SILENT, OPENERS, PAUSE = 1_024, 4, 0.008  # silent connections, and the threads that open 500 of them a second

FORM = b"a&" * 32_000
SMALL = b"form_token=x&token=" + b"x" * 40


def post(path: str, body: bytes) -> bytes:
    """A form as a browser sends it."""
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def get(path: str, token: str) -> bytes:
    """A request of a program."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def requests(kind: str, token: str) -> list[bytes]:
    """The requests, in turn."""
    return {
        "forms": [post("/sign-in", FORM)],
        "sign-ins": [post("/sign-in", SMALL)],
        "tokens": [get("/api/v1/cleanups", "wrong-token-wrong-token-wrong")],
        "pages": [get("/sign-in", "")],
        "readings": [get(f"/api/v1/cleanups/stuck-jobs/{what}", token) for what in ("stats", "preview?limit=1000")],
        "hello": [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
    }[kind]


class Flood:
    """Many connections with consecutive requests."""

    def __init__(self, kind: str, port: int, token: str):
        self.port, self.answered, self.lock = port, 0, threading.Lock()
        work = self.silence if kind == "connections" else self.talk
        texts = [] if kind == "connections" else requests(kind, token)
        for number in range(OPENERS if kind == "connections" else CONNECTIONS):
            threading.Thread(target=work, args=(texts, number), daemon=True).start()

    def talk(self, texts: list[bytes], number: int) -> None:
        """Sends the requests in turn; reconnects when the connection is closed."""
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    connection.settimeout(20)
                    while True:
                        number += 1
                        connection.sendall(texts[number % len(texts)])
                        if not connection.recv(65_536):
                            break
                        with self.lock:
                            self.answered += 1
            except OSError:
                continue

    def silence(self, _: list[bytes], __: int) -> None:
        """Opens silent connections; the oldest are closed by either side."""
        held: list[socket.socket] = []
        while True:
            try:
                held.append(socket.create_connection(("127.0.0.1", self.port), 5))
                with self.lock:
                    self.answered += 1
            except OSError:
                pass
            if len(held) > SILENT // OPENERS:
                held.pop(0).close()
            time.sleep(PAUSE)


def main() -> None:
    """Floods until SIGTERM."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, hard) if hard >= 0 else 4_096, hard))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    flood = Flood(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    signal.sigwait([signal.SIGTERM])
    print(json.dumps({"answered": flood.answered}), flush=True)


if __name__ == "__main__":
    main()
