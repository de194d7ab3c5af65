"""The fake on the wire: HTTP/1.1 by hand, since a library would not drop a connection where a test wants it dropped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .exchange import Answer, Request
from .faults import Fault, Faults
from .routes import answer
from .routing import PREFIXES
from .world import World


@dataclass
class Recorded:
    """A request as it was seen, and what became of it.

    `peer` is the address of who asks; `status` is None where no answer was sent; `fault` says that one struck.
    """

    method: str
    path: str
    query: dict[str, str]
    body: Any
    time: float
    peer: tuple[str, int]
    status: int | None = None
    fault: bool = False


Observer = Callable[[Recorded], object]


class DroppedError(Exception):
    """The connection is to be dropped."""


class Server:
    """Serves a world on a port of 127.0.0.1.

    Args:
        world: The account.
        port: The port; 0 for a free one.
    """

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        self.faults = Faults(world.contract)
        self.prefix = PREFIXES[world.contract]
        self.requests: list[Recorded] = []
        self.before: Observer | None = None
        self.after: Observer | None = None
        # Bound but never listening: it keeps the port while the server refuses connections.
        self._guard = _bound(port)
        self.port: int = self._guard.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._refusing_until: float | None = None

    async def listen(self) -> None:
        """Takes connections."""
        self._refusing_until = None
        if self._listener is None:
            sock = _bound(self.port)
            self._listener = await asyncio.start_server(self._serve, sock=sock, backlog=1024)

    async def refuse(self, seconds: float | None = None) -> None:
        """Takes no connection any more, and drops those that there are."""
        self._refusing_until = None if seconds is None else self.world.now + seconds
        if self._listener:
            self._listener.close()
            self._listener = None
        for writer in list(self._open):
            _drop(writer, reset=True)

    async def settle(self) -> None:
        """Lets happen what is due by now."""
        self.world.settle()
        if self._refusing_until is not None and self.world.now >= self._refusing_until:
            await self.listen()

    async def close(self) -> None:
        """Ends."""
        await self.refuse()
        self._guard.close()

    def seen(self) -> list[dict[str, Any]]:
        """The requests so far."""
        return [asdict(request) for request in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (DroppedError, ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            return  # the fake ends; asyncio's streams would report a cancelled handler as a fault
        finally:
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line = await reader.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split()
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        fault = self.faults.take(method, url.path.removeprefix(self.prefix))
        peer = writer.get_extra_info("peername")
        recorded = Recorded(method, url.path, query, None, self.world.now, peer, fault=fault is not None)
        self.requests.append(recorded)
        if fault and fault.point == "before reading":
            _drop(writer, fault.reset)
            raise DroppedError
        headers = await _headers(reader)
        length = int(headers.get("content-length", "0"))
        if "chunked" in headers.get("transfer-encoding", ""):
            body = await _chunks(reader)
        elif fault and fault.point == "while reading":
            await reader.readexactly(length // 2)
            _drop(writer, fault.reset)
            raise DroppedError
        else:
            body = await reader.readexactly(length)
        with contextlib.suppress(ValueError):
            recorded.body = json.loads(body) if body else None
        request = Request(method, url.path, query, headers, body)
        await _tell(self.before, recorded)
        result = await self._result(request, fault, reader, writer)
        recorded.status = result.status
        await _tell(self.after, recorded)
        content = result.encoded()
        head = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Date": self.world.date}
        head |= result.headers
        lines = [f"HTTP/1.1 {result.status} -", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + content)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    async def _result(
        self, request: Request, fault: Fault | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        if fault is None:
            return answer(self.world, request, self.origin)
        if fault.work == "late":
            self.world.later(fault.late, partial(answer, self.world, request, self.origin))
        done = answer(self.world, request, self.origin) if fault.work == "done" else None
        if fault.hang:
            await reader.read()  # until the client gives up
            raise DroppedError
        if fault.delay is not None:
            await asyncio.sleep(fault.delay)
            return done or answer(self.world, request, self.origin)
        if fault.garbage is not None:
            return Answer(fault.status or 200, fault.garbage.encode(), {"Content-Type": "text/html"})
        if fault.status is not None:
            head = {"Retry-After": fault.retry_after, "Location": fault.location}
            sent = {name: value for name, value in head.items() if value is not None}
            return Answer(fault.status, {"detail": fault.detail}, sent)
        _drop(writer, fault.reset)
        raise DroppedError


async def _tell(observer: Observer | None, recorded: Recorded) -> None:
    """In a thread of its own, since an observer may ask the fake for something."""
    if observer:
        await asyncio.to_thread(observer, recorded)


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def _drop(writer: asyncio.StreamWriter, reset: bool) -> None:
    """Ends a connection, rudely if asked: with SO_LINGER at 0 the kernel sends RST."""
    if reset:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
