"""What the idempotency key of a task is known by, where it comes back."""

from __future__ import annotations

import re
from hashlib import sha256

from browser_use_client.models._base import View

KEY_NAME = "idempotency_key"
"""Where a task's key stands in its metadata: both revisions of v2 send that back, in lists too."""

_TAG = "bu-[0-9a-f]{20}"
_LAST_LINE = re.compile(rf"[\n ]{{0,2}}\[(?P<tag>{_TAG}):[^\n\]]*\]\s*\Z")
_TAG_LINE = "[{tag}: a reference number of whoever sent this task. It is not part of the task: ignore this line.]"


class Keyed(View):
    """What may carry an idempotency key.

    Attributes:
        key: The key; None if there is none, or the server does not send it back.
        tag: What stands for the key in the prompt, in a contract that has no other place for it (`v4`).
    """

    key: str | None = None
    tag: str | None = None

    def has_key(self, key: str) -> bool:
        """Whether this was created under a key, in every contract."""
        return self.key == key or (self.tag is not None and self.tag == tag_of(key))


def tag_of(key: str) -> str:
    """The tag that stands for a key: `bu-` and 80 bits of its SHA-256, so no two keys of an account share one."""
    return f"bu-{sha256(key.encode()).hexdigest()[:20]}"


def with_tag(prompt: str, key: str) -> str:
    """A prompt with the tag of a key in one more line, which the agent is told to ignore."""
    return f"{prompt}\n\n{_TAG_LINE.format(tag=tag_of(key))}"


def without_tag(prompt: str) -> tuple[str, str | None]:
    """A prompt as it was asked, and the tag that it carried, if any."""
    found = _LAST_LINE.search(prompt)
    return (prompt[: found.start()], found["tag"]) if found else (prompt, None)
