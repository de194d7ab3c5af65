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
    """Where one file can be uploaded to, for about two minutes.

    Attributes:
        method: The HTTP method.
        url: Where to.
        headers: To send along.
        fields: Form fields to send along.
        file_name: The name under which a task finds the file.
    """

    method: str
    url: str
    headers: Mapping[str, str] = Field(default_factory=dict)
    fields: Mapping[str, str]
    file_name: str
