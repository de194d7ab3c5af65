"""HTML from templates: everything that is put into them is escaped."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from airflow_browser_use.pages import MOUNTED_AT, root_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request


def duration(took: timedelta) -> str:
    """A duration as people say it: its two largest units."""
    seconds = max(int(took.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def since(moment: datetime | None) -> str:
    """How long ago a moment was; empty for none."""
    return "" if moment is None else duration(datetime.now(timezone.utc) - moment)


def dollars(amount: float | None) -> str:
    """US dollars, to the cent where that says something."""
    if amount is None:
        return ""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}".rstrip("0").ljust(5, "0")


def of_the_web(url: str) -> bool:
    """Whether a URL may be a link: what a remote page is called is for others to say."""
    return url.startswith(("http://", "https://"))


templates = Environment(
    loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
templates.filters.update(duration=duration, since=since, dollars=dollars)
templates.tests.update(of_the_web=of_the_web)


def render(
    request: Request, template: str, *, status_code: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """An answer made of a template; `base` is the path of this application, `airflow` that of Airflow."""
    root = root_path()
    html = templates.get_template(template).render(base=f"{root}{MOUNTED_AT}", airflow=root, request=request, **values)
    return HTMLResponse(html, status_code, headers=headers)
