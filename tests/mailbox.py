"""An SMTP server that keeps what it is sent."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage


class Mailbox(socketserver.ThreadingTCPServer):
    """Listens from when it is made until it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.port: int = self.server_address[1]
        self.messages: list[EmailMessage] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say(220)
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say(354)
                lines = iter(self.rfile.readline, b".\r\n")
                text = b"".join(line.removeprefix(b".") for line in lines)
                self.server.messages.append(message_from_bytes(text, policy=policy.default))  # type: ignore[arg-type]
            self._say(221 if verb == b"QUIT" else 250)
            if verb == b"QUIT":
                return

    def _say(self, code: int) -> None:
        self.wfile.write(f"{code} so be it\r\n".encode())
