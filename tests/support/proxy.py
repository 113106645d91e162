"""A proxy in front of PostgreSQL's socket that loses what a test tells it to lose."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Listens in `directory` and forwards to the server's socket.

    `lose_answer_to`: the next request that holds these bytes reaches the server; once the server has answered, both
    sides are cut and the client never learns. `lose_request`: the next one that holds these never arrives at all.
    An event's tags (b'"member:b"') mark the request that inserts it, which also carries NOTIFY and COMMIT.
    """

    def __init__(self, server: Path, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.lose_answer_to: bytes | None = None
        self.lose_request: bytes | None = None
        self.refuse = False
        self.lost = 0
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: set[socket.socket] = set()
        self._closed = False

    def __enter__(self) -> Proxy:
        self._listener.bind(str(self.directory / SOCKET))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends every connection there is."""
        for end in list(self._open):
            _end(end)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuse:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            self._open |= {client, server}
            cutting = threading.Event()
            threading.Thread(target=self._requests, args=(client, server, cutting), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server, cutting), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
        def forward(chunk: bytes) -> bool:
            if self.lose_request and self.lose_request in chunk:
                self.lose_request = None
                self.lost += 1
                return False
            if self.lose_answer_to and self.lose_answer_to in chunk:
                self.lose_answer_to = None
                self.lost += 1
                cutting.set()
            server.sendall(chunk)
            return True

        self._pump(client, server, forward)

    def _answers(self, client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
        def forward(chunk: bytes) -> bool:
            if cutting.is_set():
                return False
            client.sendall(chunk)
            return True

        self._pump(server, client, forward)

    def _pump(self, source: socket.socket, target: socket.socket, forward: Callable[[bytes], bool]) -> None:
        with suppress(OSError):
            while (chunk := source.recv(65_536)) and forward(chunk):
                pass
        for end in (source, target):
            _end(end)
            self._open.discard(end)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
