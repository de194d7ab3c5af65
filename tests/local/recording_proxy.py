"""A proxy that notes whom a browser wants to talk to, and lets it talk to the sites of a test only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PAGE = """<!doctype html><link rel="icon" href="data:,"><title>Page</title><h1>{host}</h1>
<form method="post" action="/in"><label>User name <input name="user" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<label>Street <input name="street" autocomplete="street-address"></label><button>Sign in</button></form>
<p lang="de">Das ist eine Seite, die man übersetzen könnte, wenn man wollte.</p>"""


@dataclass
class RecordingProxy:
    """Where it is, and the hosts that were asked for."""

    url: str = ""
    hosts: set[str] = field(default_factory=set)


@contextmanager
def recording_proxy() -> Iterator[RecordingProxy]:
    """A proxy until the end of the block. Every `http:` URL is a page with a form; there is no `https:`."""
    proxy = RecordingProxy()

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.hosts.add(self.path.rpartition(":")[0])
            self.send_error(502)

        def do_GET(self) -> None:
            self.answer(PAGE)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.answer("<!doctype html><title>In</title><h1>You are in</h1>")

        def answer(self, page: str) -> None:
            host = urlsplit(self.path).hostname or ""
            proxy.hosts.add(host)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.format(host=host).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
