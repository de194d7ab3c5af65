"""/agent-profiles and /browser-profiles of v2-nested, /profiles of v2-flat: the same endpoints for three kinds."""

from __future__ import annotations

from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from browser_use_local.api.bodies import AgentProfile, Body, BrowserProfile
from browser_use_local.api.bodies import Profile as FlatProfile
from browser_use_local.api.http import local, nothing, path_id, raw_body, read, respond
from browser_use_local.api.paging import page
from browser_use_local.records import Profile, ProfileKind, now
from browser_use_local.settings import Contract

KIND_NAMES: dict[ProfileKind, str] = {
    "agent-profiles": "Agent profile",
    "browser-profiles": "Browser profile",
    "profiles": "Profile",
}

# What `query` looks into: v4 says name and user.
NAMES_OF_ONE = " || char(10) || ".join(
    f"coalesce(json_extract(settings, '$.{name}'), '')" for name in ("name", "userId")
)


def _view(profile: Profile) -> dict[str, Any]:
    later = {"lastUsedAt": profile.last_used_at, "cookieDomains": None} if profile.kind == "profiles" else {}
    times = {"createdAt": profile.created_at, "updatedAt": profile.updated_at}
    return {"id": profile.id, **profile.settings, **times, **later}


class Respond(Protocol):
    """Answers a request with JSON."""

    def __call__(self, request: Request, body: Any, status: int = 200) -> Response:
        """The answer."""


class Endpoints:
    """The endpoints of one kind, with what answers in the shape of their contract."""

    def __init__(self, kind: ProfileKind, body: type[Body], respond: Respond = respond) -> None:
        self._kind = kind
        self._body = body
        self._respond = respond

    def routes(self) -> list[Route]:
        """Where they are."""
        start = f"/{self._kind}"
        return [
            Route(start, self._list, methods=["GET"]),
            Route(start, self._create, methods=["POST"]),
            Route(f"{start}/{{profile_id}}", self._get, methods=["GET"]),
            Route(f"{start}/{{profile_id}}", self._change, methods=["PATCH"]),
            Route(f"{start}/{{profile_id}}", self._delete, methods=["DELETE"]),
        ]

    def _known(self, request: Request) -> Profile:
        profile = local(request).store.get(Profile, id=path_id(request, "profile_id"), kind=self._kind)
        if profile is None:
            raise HTTPException(404, f"{KIND_NAMES[self._kind]} not found")
        return profile

    async def _list(self, request: Request) -> Response:
        where: dict[str, Any] = {"kind": self._kind}
        if query := request.query_params.get("query"):
            where[f"{NAMES_OF_ONE} LIKE"] = f"%{query}%"
        return self._respond(request, page(request, Profile, where, "created_at", _view))

    async def _create(self, request: Request) -> Response:
        settings = read(self._body, await raw_body(request)).model_dump(by_alias=True, mode="json")
        profile = Profile(kind=self._kind, settings=settings)
        local(request).store.add(profile)
        return self._respond(request, _view(profile), 201)

    async def _get(self, request: Request) -> Response:
        return self._respond(request, _view(self._known(request)))

    async def _change(self, request: Request) -> Response:
        """Only what the body has is changed."""
        profile = self._known(request)
        body = await raw_body(request)
        changes = self._changes(profile, body)
        local(request).store.change(Profile, {"id": profile.id}, settings=changes, updated_at=now())
        return self._respond(request, _view(self._known(request)))

    def _changes(self, profile: Profile, body: bytes) -> dict[str, Any]:
        given = read(_AnyObject, body).model_extra or {}
        known = {key: value for key, value in given.items() if value is not None}
        merged = read(self._body, _AnyObject(**{**profile.settings, **known}).model_dump_json().encode())
        return merged.model_dump(by_alias=True, mode="json")

    async def _delete(self, request: Request) -> Response:
        """One that is not there is gone already: 204 too, as v2-flat has no 404 here."""
        profile_id = path_id(request, "profile_id")
        local(request).profiles.delete(profile_id)
        return nothing()


class _AnyObject(Body, extra="allow"):
    """A JSON object."""


def routes(contract: Contract) -> list[Route]:
    """The endpoints of the contract."""
    nested = Endpoints("agent-profiles", AgentProfile).routes() + Endpoints("browser-profiles", BrowserProfile).routes()
    flat = Endpoints("profiles", FlatProfile).routes()
    return {"v2-nested": nested, "v2-flat": flat, "both": nested + flat}[contract]
