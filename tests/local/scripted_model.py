"""A language model that answers from a script, over HTTP on loopback, as OpenAI and Anthropic do."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
# What the model does next, given all that the agent says to it; or the body and status of another answer.
Move = Callable[[str], list[Json] | tuple[int, str]]


def done(text: str = "", *, success: bool = True, data: Any = None) -> Move:
    """The last move of a task, with text or with structured output."""
    report = {"success": success, "data": data} if data is not None else {"success": success, "text": text}
    return lambda _: [{"done": report}]


def say(*actions: Json) -> Move:
    """A move that needs nothing of the page."""
    return lambda _: list(actions)


def element(prompt: str, looks: str) -> int:
    """The number that the agent gave to the last element that looks like this, in its attributes or its text."""
    parts = re.split(r"\[(\d+)\](?=<)", prompt)
    found = [number for number, shown in zip(parts[1::2], parts[2::2], strict=True) if re.search(looks, shown)]
    assert found, f"no element {looks!r} in:\n{prompt[-4000:]}"
    return int(found[-1])


def click(looks: str) -> Move:
    return lambda prompt: [{"click": {"index": element(prompt, looks)}}]


class ScriptedModel:
    """The running model. `asked` is all that it was asked, `keys` the keys that came with it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: deque[Move] = deque()
        self.asked: list[str] = []
        self.bodies: list[Json] = []
        self.keys: set[str] = set()
        self.mistakes: list[str] = []

    def play(self, *moves: Move) -> None:
        """Sets what comes next, and forgets what came before."""
        self.script = deque(moves)
        for memory in (self.asked, self.bodies, self.keys, self.mistakes):
            memory.clear()

    def answer(self, path: str, body: Json) -> tuple[int, str]:
        prompt = "\n".join(_texts([body.get("system"), body["messages"]]))
        self.asked.append(prompt)
        self.bodies.append(body)
        try:
            # The last move stays: a model asked once more says the same.
            move = self.script.popleft() if len(self.script) > 1 else self.script[0]
            moved = move(prompt)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.mistakes.append(repr(error))
            moved = (500, "the script is wrong")
        if isinstance(moved, tuple):
            return moved
        thought = {
            "evaluation_previous_goal": "As expected. Verdict: Success",
            "memory": f"Move {len(self.asked)}",
            "next_goal": f"Do {', '.join(name for action in moved for name in action)}",
            "action": moved,
        }
        return 200, json.dumps(_as_anthropic(body, thought) if "messages" in path else _as_openai(body, thought))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict):
        yield from _texts(node.get("text") or node.get("content"))


def _as_openai(body: Json, thought: Json) -> Json:
    message = {"role": "assistant", "content": json.dumps(thought)}
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234},
    }


def _as_anthropic(body: Json, thought: Json) -> Json:
    tool = {"type": "tool_use", "id": "tool-1", "name": body["tools"][0]["name"], "input": thought}
    return {
        "id": "message-1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [tool],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """A model that answers until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.keys.add(self.headers.get("x-api-key") or self.headers.get("Authorization", ""))
            status, text = model.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model = ScriptedModel(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
