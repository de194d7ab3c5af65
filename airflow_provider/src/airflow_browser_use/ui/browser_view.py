"""What of a browser can be seen: live while its session is open, its recording after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_browser_use.ui.service import Look

VIDEOS = (".mp4", ".webm")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?|https?://\[[0-9A-Fa-f:]+\](:\d+)?")


@dataclass(frozen=True)
class BrowserView:
    """Something to show in a frame.

    Attributes:
        kind: `live` or `recording`.
        url: Where it is.
        origin: Of that URL: all that the frame may load from.
    """

    kind: str
    url: str
    origin: str

    @property
    def is_video(self) -> bool:
        """Whether the URL is that of a video, and not of a page."""
        return self.kind == "recording" and urlsplit(self.url).path.endswith(VIDEOS)


def view_of(look: Look) -> BrowserView | None:
    """What can be shown of a browser; None for nothing but pictures."""
    session = look.session
    live_url = (session and session.live_url) or (look.task and look.task.live_url)
    if live_url and (session is None or session.status == "active"):
        return _view("live", live_url)
    return _view("recording", session.recording_url) if session and session.recording_url else None


def policy_of_view(shown: BrowserView) -> str:
    """The content security policy of the frame: this one origin, and the style sheet."""
    return (
        f"default-src 'none'; style-src 'self'; frame-src {shown.origin}; media-src {shown.origin};"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def _view(kind: str, url: str) -> BrowserView | None:
    """Nothing for a URL that is none of the web: it would go into a header, and into a frame."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return BrowserView(kind, url, origin) if ORIGIN.fullmatch(origin) else None
