"""`python -m tests.fake_api`: prints its two addresses as a line of JSON, then serves until it is ended."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from .running import API_KEY, FakeApi, serve_control


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fake_api", description="A fake of the Browser Use API.")
    parser.add_argument("--contract", choices=["v2-nested", "v2-flat", "v4"], default="v2-flat")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--api-key", default=API_KEY)
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with FakeApi(arguments.contract, real_time=True, api_key=arguments.api_key, port=arguments.port) as fake:
        print(json.dumps({"base_url": fake.base_url, "control_url": serve_control(fake)}), flush=True)
        if arguments.with_parent:
            threading.Thread(target=end_with_input, args=[ended], daemon=True).start()
        try:
            ended.wait()
        except KeyboardInterrupt:
            return


def end_with_input(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main()
