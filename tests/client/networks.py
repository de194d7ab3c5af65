"""Servers that speak TLS with a CA of their own, or none at all."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from tests.proxies import Front, connected, relay


class TlsFront(Front):
    """Speaks TLS before a server that does not, with a certificate of a CA that nobody knows.

    Attributes:
        bundle: The file of that CA's certificate.
    """

    def __init__(self, origin: str, folder: Path, *hosts: str) -> None:
        super().__init__()
        self._to = urlsplit(origin)
        authority = trustme.CA()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts or ("localhost",)).configure_cert(self._tls)
        self.bundle = folder / "company.pem"
        authority.cert_pem.write_to_path(str(self.bundle))
        self.base_url = f"https://localhost:{self.port}{self._to.path}"

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with self._tls.wrap_socket(connection, server_side=True) as inner, connected(self._to.netloc) as outer:
            relay(inner, outer)


class PlainFront(Front):
    """Speaks HTTP to whoever connects, and no TLS."""

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
