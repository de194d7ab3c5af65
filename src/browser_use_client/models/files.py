"""Files that go into a task and come out of it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from browser_use_client.models._base import View


class OutputFile(View):
    """A file that a task left behind: its id and its name."""

    id: str
    name: str


class UploadSlot(View):
    """Where one file can be uploaded to, for some minutes.

    Attributes:
        method: The HTTP method.
        url: Where to.
        headers: To send along.
        fields: Form fields to send along with the file; None if the file is all that is sent.
        reference: What a task names the file by: its name (`v2`) or its id (`v4`).
    """

    method: str
    url: str
    headers: Mapping[str, str] = Field(default_factory=dict)
    fields: Mapping[str, str] | None = None
    reference: str
