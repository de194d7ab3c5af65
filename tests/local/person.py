"""A person who takes over the browser of a session in its live view, with a keyboard."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx

from . import web
from .running_server import PASSWORD, LocalServer

CAREFUL_USER = "careful"
OWN_PAGE = {"X-Browser-Use-Live": "1"}
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}
A_MOMENT = 3.0
WITHIN = 60.0
"""Seconds in which the site answers."""


class Person:
    """Somebody at the live view of a session."""

    def __init__(self, server: LocalServer, session_id: str) -> None:
        self._server = server
        session = server.http.get(f"/sessions/{session_id}").raise_for_status().json()
        self._control = session["liveUrl"].replace("?", "/control?")

    def sign_in(self) -> None:
        """Sign in to the shop as the careful user, on the sign-in page: name, password, and the code on the phone."""
        self._type(CAREFUL_USER)
        self._type(PASSWORD)
        self._press("Enter")
        self._until("a code is on the phone", lambda: self._phone() != "none")
        self._until("the code is taken", self._is_code_taken)

    def _is_code_taken(self) -> bool:
        """Type the code; again, if the page that asks for it was not there yet."""
        self._type(self._phone())
        self._press("Enter")
        end = time.monotonic() + A_MOMENT
        while (asked := self._phone() != "none") and time.monotonic() < end:
            time.sleep(0.2)
        return not asked

    def _phone(self) -> str:
        found = re.search(r"<dt>Code</dt><dd>(\w+)</dd>", web.get(f"{self._server.site}/shop/phone").text)
        assert found
        return found[1]

    def _type(self, text: str) -> None:
        self._press("Tab")
        self._send({"type": "insertText", "text": text})

    def _press(self, key: str) -> None:
        number, text = KEYS[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        self._send({"type": "keyDown", "text": text, **event}, {"type": "keyUp", **event})

    def _send(self, *inputs: dict[str, Any]) -> None:
        httpx.post(self._control, json=inputs, headers=OWN_PAGE, timeout=60).raise_for_status()

    @staticmethod
    def _until(what: str, is_so: Any) -> None:
        end = time.monotonic() + WITHIN
        while not is_so():
            assert time.monotonic() < end, what
            time.sleep(0.2)
