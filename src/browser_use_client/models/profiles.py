"""Profiles: settings of an agent or a browser, kept on the server under an id."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from browser_use_client.models._base import Request, UtcDatetime


class Profile(Request):
    """What both kinds of profiles have.

    Attributes:
        name: For people to find it by.
        description: What it is for (`v2-nested`).
        id: Set by the server.
        created_at: Set by the server.
        updated_at: Set by the server.
    """

    name: str | None = None
    description: str | None = None
    id: str | None = None
    created_at: UtcDatetime | None = None
    updated_at: UtcDatetime | None = None


class AgentProfile(Profile):
    """How an agent works (`v2-nested`; in `v2-flat` these are settings of each task, and `v4` has none).

    Attributes:
        allowed_domains: The only domains that the agent may visit.
        system_prompt_extension: Added to the agent's system prompt.
        flash_mode: Fast, with less thinking in between.
        highlight_elements: Mark in screenshots what can be clicked.
        max_steps: Most steps the agent may take.
        thinking: Let the model think before it acts.
        vision: Show screenshots to the model.
    """

    allowed_domains: tuple[str, ...] | None = None
    system_prompt_extension: str | None = None
    flash_mode: bool | None = None
    highlight_elements: bool | None = None
    max_steps: Annotated[int, Field(ge=1)] | None = None
    thinking: bool | None = None
    vision: bool | None = None


class BrowserProfile(Profile):
    """A browser's state (cookies, local storage) and, in `v2-nested`, its settings.

    Attributes:
        ad_blocker: Block advertisements (`v2-nested`).
        viewport_width: Pixels (`v2-nested`).
        viewport_height: Pixels (`v2-nested`).
        is_mobile: Pretend to be a phone (`v2-nested`).
        persist: Keep cookies and storage between sessions (`v2-nested`; the others always do).
        proxy: Use a proxy (`v2-nested`).
        proxy_country_code: Two letters (`v2-nested`; elsewhere a setting of each session).
        store_cache: Keep the cache (`v2-nested`).
        user_id: Your own name for whom the profile belongs to (`v2-flat`, `v4`).
        cookie_domains: Sites that it has cookies of; set by the server (`v2-flat`, `v4`).
    """

    ad_blocker: bool | None = None
    viewport_width: int | None = None
    viewport_height: int | None = None
    is_mobile: bool | None = None
    persist: bool | None = None
    proxy: bool | None = None
    proxy_country_code: str | None = None
    store_cache: bool | None = None
    user_id: str | None = None
    cookie_domains: tuple[str, ...] | None = None
