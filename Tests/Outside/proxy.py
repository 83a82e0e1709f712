"""A way to Redis that can be made slow while it is used, so that a run takes long enough to be watched."""

import contextlib
import socket
import threading
import time


class Proxy:
    """Passes everything on to a port of this machine, each piece after a delay."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.delay_seconds = 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for source, sink in [(client, server), (server, client)]:
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65_536):
                time.sleep(self.delay_seconds)
                sink.sendall(data)
            # The other direction is waiting for the same end.
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)
