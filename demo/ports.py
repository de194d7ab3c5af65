"""Ports for servers that take some seconds to start."""

from __future__ import annotations

import random
import socket

OWN = range(20_000, 32_000)
"""Below the ports that an operating system gives to outgoing connections: one of those could take a port that is free
now before its server listens. Which one is drawn, so that two who ask at once do not get the same."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    drawn = random.SystemRandom()
    while True:
        port = drawn.choice(OWN)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
