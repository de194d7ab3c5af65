"""What the tests of every package rely on."""

from __future__ import annotations

import signal

# A shell has its background jobs ignore Ctrl+C, and what they start inherits that: tests that send one would hang.
signal.signal(signal.SIGINT, signal.default_int_handler)
