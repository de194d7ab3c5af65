"""A site for one test: pages as HTML, what was sent to them, and what is kept back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = str | tuple[int, Mapping[str, str], bytes]


@dataclass
class Site:
    """Pages by path (`POST /path` for what is sent); a page is HTML, or a status with headers and a body."""

    url: str = ""
    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    held: dict[str, threading.Event] = field(default_factory=dict)

    def hold(self, path: str) -> threading.Event:
        """Keeps the answer of a path back until the event is set."""
        return self.held.setdefault(path, threading.Event())

    def page(self, body: str, path: str = "/", title: str = "Page") -> str:
        """Serves a page. Returns its URL."""
        self.pages[path] = f'<!doctype html><meta charset="utf-8"><title>{title}</title>{body}'
        return self.url + path


@contextmanager
def running_site() -> Iterator[Site]:
    """A site that answers until the end of the block."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(self.path.partition("?")[0])

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(f"POST {self.path}")

        def answer(self, path: str) -> None:
            site.requests.append(f"{self.command} {self.path}")
            if path in site.held:
                site.held[path].wait(120)
            found = site.pages.get(path, (404, {}, b""))
            html = {"Content-Type": "text/html"}
            status, headers, body = (200, html, found.encode()) if isinstance(found, str) else found
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
