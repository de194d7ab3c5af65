"""A forward proxy, as companies have them, and what else stands between a client and its server."""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit


class Front:
    """A server on a port of its own, in threads."""

    def __init__(self) -> None:
        front = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    front.serve(self.request)

        ThreadingTCPServer.daemon_threads = True
        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.connections = 0

    def serve(self, connection: socket.socket) -> None:
        """Answers one connection."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class ForwardProxy(Front):
    """A proxy that asks for a name and a password, for tunnels (CONNECT) and for plain requests.

    Attributes:
        url: With name and password.
        led_to: What it was asked for: `METHOD target` each.
    """

    def __init__(self, *, password: str = "geheim", answer: str = "407 Proxy Authentication Required") -> None:
        super().__init__()
        self._authorization = "basic " + base64.b64encode(f"me:{password}".encode()).decode()
        self._answer = answer
        self.led_to: list[str] = []
        self.bare_url = f"http://127.0.0.1:{self.port}"
        self.url = f"http://me:{password}@127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        head = _head_of(connection)
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        self.led_to.append(f"{method} {target}")
        if f"proxy-authorization: {self._authorization}\r\n".lower().encode() not in head.lower():
            connection.sendall(f"HTTP/1.1 {self._answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return
        with connected(target if method == "CONNECT" else urlsplit(target).netloc) as outer:
            if method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                path = urlsplit(target)._replace(scheme="", netloc="").geturl()
                one_request = head.replace(b"onnection: keep-alive", b"onnection: close")
                outer.sendall(one_request.replace(target.encode(), path.encode(), 1))
            relay(connection, outer)


def connected(netloc: str) -> socket.socket:
    host, _, port = netloc.rpartition(":")
    return socket.create_connection(("127.0.0.1" if host == "localhost" else host, int(port)))


def _head_of(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
        head += piece
    return head


def relay(one: socket.socket, other: socket.socket) -> None:
    """Passes on what comes from either side until either ends."""
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
