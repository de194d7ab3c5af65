"""The account of a server that costs nothing: /billing/account of v2-flat, /users/me of v2-nested."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from browser_use_local.api.http import local, respond
from browser_use_local.records import Session
from browser_use_local.settings import Contract

PROJECT = str(uuid.uuid5(uuid.NAMESPACE_DNS, "browser-use-local"))
BALANCE = {"monthlyCreditsBalanceUsd": 0, "additionalCreditsBalanceUsd": 0}


async def billing(request: Request) -> Response:
    """GET /billing/account."""
    plan = {
        "planName": "local",
        "subscriptionStatus": None,
        "subscriptionId": None,
        "subscriptionCurrentPeriodEnd": None,
        "subscriptionCanceledAt": None,
    }
    here = local(request)
    account = {
        "name": "local",
        "totalCreditsBalanceUsd": 0,
        **BALANCE,
        "rateLimit": 1000,
        "planInfo": plan,
        "isFreeTier": False,
        "projectId": PROJECT,
        # Not in the published contract; the official SDK 3.12 wants them.
        "concurrentSessionLimit": here.settings.max_sessions,
        "activeSessionCount": here.store.count(Session, {"status": "active"}),
    }
    return respond(request, account)


async def me(request: Request) -> Response:
    """GET /users/me."""
    return respond(request, {**BALANCE, "signedUpAt": request.app.state.started_at, "email": None, "name": "local"})


def routes(contract: Contract) -> list[Route]:
    """The endpoints of the contract."""
    nested = [Route("/users/me", me, methods=["GET"])]
    flat = [Route("/billing/account", billing, methods=["GET"])]
    return {"v2-nested": nested, "v2-flat": flat, "both": nested + flat}[contract]
