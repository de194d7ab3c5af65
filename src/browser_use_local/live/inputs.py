"""What a person does to the page of a session, and how Chromium is told of it (the CDP domain Input)."""

from __future__ import annotations

from typing import Annotated, Literal

from playwright.async_api import Error, Page
from pydantic import BaseModel, ConfigDict, Field

from browser_use_local.browser import Browser
from browser_use_local.urls import is_web_url

MAX_TEXT_CHARACTERS = 100_000


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mouse(_Input):
    """The mouse at a point of the page, in parts of its width and height; `modifiers` as CDP counts them."""

    type: Literal["mousePressed", "mouseReleased", "mouseMoved", "mouseWheel"]
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    button: Literal["none", "left", "middle", "right", "back", "forward"] = "none"
    buttons: int = Field(default=0, ge=0, le=31)
    clickCount: int = Field(default=0, ge=0, le=3)  # noqa: N815 - CDP's name
    deltaX: float = Field(default=0, ge=-10_000, le=10_000)  # noqa: N815
    deltaY: float = Field(default=0, ge=-10_000, le=10_000)  # noqa: N815
    modifiers: int = Field(default=0, ge=0, le=15)


class Key(_Input):
    """A key that goes down or up, as the browser's own KeyboardEvent names it; `text` is what it types."""

    type: Literal["keyDown", "keyUp"]
    key: str = Field(max_length=40)
    code: str = Field(max_length=40)
    windowsVirtualKeyCode: int = Field(ge=0, le=255)  # noqa: N815
    text: str = Field(default="", max_length=10)
    location: int = Field(default=0, ge=0, le=3)
    autoRepeat: bool = False  # noqa: N815
    modifiers: int = Field(default=0, ge=0, le=15)


class Text(_Input):
    """A text that is put in at once: pasted, or written with an input method."""

    type: Literal["insertText"]
    text: str = Field(max_length=MAX_TEXT_CHARACTERS)


class Move(_Input):
    """Where the page goes without a URL."""

    type: Literal["back", "forward", "reload"]


class Open(_Input):
    """A URL that is opened in the page."""

    type: Literal["open"]
    url: str = Field(max_length=10_000)


class Tab(_Input):
    """A tab that comes to the front, or is closed."""

    type: Literal["choose", "close"]
    number: int


Input = Annotated[Mouse | Key | Text | Move | Open | Tab, Field(discriminator="type")]


async def perform(item: Input, browser: Browser) -> None:
    """Does to the page in front what a person did in its picture.

    Raises:
        playwright.async_api.Error: The page cannot take it, or it leads nowhere.
    """
    match item:
        case Mouse():
            size = browser.page.viewport_size or {"width": 0, "height": 0}
            place = {"x": item.x * size["width"], "y": item.y * size["height"]}
            await browser.send("Input.dispatchMouseEvent", {**item.model_dump(), **place})
        case Key():
            await browser.send("Input.dispatchKeyEvent", item.model_dump())
        case Text():
            await browser.send("Input.insertText", {"text": item.text})
        case Tab(type="choose"):
            await browser.choose(item.number)
        case Tab():
            await browser.close_tab(item.number)
        case Move() | Open():
            await _go(item, browser.page)


async def _go(where: Move | Open, page: Page) -> None:
    match where:
        case Open(url=url):
            if not is_web_url(url):
                raise Error("only http and https URLs are opened")
            await page.goto(url if "://" in url else f"http://{url}", wait_until="commit")
        case Move(type="back"):
            await page.go_back(wait_until="commit")
        case Move(type="forward"):
            await page.go_forward(wait_until="commit")
        case Move():
            await page.reload(wait_until="commit")
