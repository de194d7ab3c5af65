"""A small shop to try tasks on, served at /shop with `--demo-site`: nothing in it is real."""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from browser_use_local.demo_site.orders import CAREFUL_USER, ORDER_STATUSES, ORDERS, PASSWORD, USER, find

TEMPLATES = Environment(
    loader=PackageLoader("browser_use_local.demo_site"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_FORM_BYTES = 11 * 1024 * 1024
SLOWEST_REPORT_SECONDS = 30.0
# What a browser that signed in shows again; a restart signs everyone out.
_COOKIE = "shop"
_TICKET = secrets.token_urlsafe(16)
# What a browser shows whose user has still to type the code on the phone; each code is good for one sign-in.
_REMEMBERED_SECONDS = 30 * 24 * 3600
_HALF_COOKIE = "shop-half"
_codes: dict[str, str] = {}


def _page(name: str, status: int = 200, **values: object) -> Response:
    return HTMLResponse(TEMPLATES.get_template(f"{name}.html").render(values), status)


def _signed_in(request: Request) -> bool:
    return request.cookies.get(_COOKIE) == _TICKET


async def home(request: Request) -> Response:
    """The sign-in form, or the orders for those who are in."""
    return RedirectResponse("/shop/orders") if _signed_in(request) else _page("sign_in")


async def sign_in(request: Request) -> Response:
    """Checks user name and password."""
    form = await _form(request)
    if form.get("user") not in {USER, CAREFUL_USER} or form.get("password") != PASSWORD:
        return _page("sign_in", problem="User name or password is wrong.")
    if form["user"] == USER:
        return _welcome()
    half = secrets.token_urlsafe(16)
    _codes.clear()
    _codes[half] = f"{secrets.randbelow(10**6):06}"
    response = RedirectResponse("/shop/code", 303)
    response.set_cookie(_HALF_COOKIE, half, httponly=True, samesite="strict", path="/shop")
    return response


async def code_form(request: Request) -> Response:  # noqa: ARG001 - an endpoint's signature
    """Asks for the second factor."""
    return _page("second_factor")


async def check_code(request: Request) -> Response:
    """Checks the second factor."""
    code = _codes.get(request.cookies.get(_HALF_COOKIE, ""))
    if code is None or (await _form(request)).get("code") != code:
        return _page("second_factor", problem="This code is wrong.")
    _codes.clear()
    return _welcome()


async def phone(request: Request) -> Response:  # noqa: ARG001 - an endpoint's signature
    """The phone of the careful user, which shows the code."""
    return _page("phone", code=next(iter(_codes.values()), None))


async def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}


def _welcome() -> Response:
    response = RedirectResponse("/shop/orders", 303)
    response.set_cookie(_COOKIE, _TICKET, max_age=_REMEMBERED_SECONDS, httponly=True, samesite="strict", path="/shop")
    response.delete_cookie(_HALF_COOKIE, path="/shop")
    return response


async def sign_out(request: Request) -> Response:  # noqa: ARG001 - an endpoint's signature
    """Forgets who it was."""
    response = RedirectResponse("/shop/", 303)
    response.delete_cookie(_COOKIE, path="/shop")
    return response


async def orders(request: Request) -> Response:
    """The orders, all or those of one status, or of one day (`?placed=2026-11-16`)."""
    status, placed = (request.query_params.get(name, "") for name in ("status", "placed"))
    found = [order for order in ORDERS if status in {"", order.status} and placed in {"", order.placed}]
    return _page("orders", orders=found, filter=status, statuses=ORDER_STATUSES)


async def orders_csv(request: Request) -> Response:  # noqa: ARG001
    """The orders as a file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["number", "customer", "placed", "status", "amount"])
    writer.writerows([order.number, order.customer, order.placed, order.status, order.amount] for order in ORDERS)
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


async def order(request: Request) -> Response:
    """One order."""
    found = find(request.path_params["number"])
    if found is None:
        return _page("no_order", 404)
    return _page("order", order=found)


async def return_form(request: Request) -> Response:  # noqa: ARG001
    """The form to return an order with."""
    return _page("return_form")


async def return_order(request: Request) -> Response:
    """Takes a return and its receipt; the file is looked at and thrown away."""
    async with request.form(max_files=1, max_part_size=MAX_FORM_BYTES) as form:
        receipt = form["receipt"]
        size = len(await receipt.read()) if isinstance(receipt, UploadFile) else 0
        received = {
            "Order number": str(form["order"]),
            "Reason": str(form["reason"]),
            "Receipt": f"{getattr(receipt, 'filename', '')}",
            "Receipt size": f"{size} bytes",
            "Refund": "yes" if form.get("refund") else "no",
        }
    return _page("return_received", received=received)


async def report(request: Request) -> Response:  # noqa: ARG001
    """The slow page."""
    return _page("report")


async def report_figures(request: Request) -> Response:
    """What the slow page waits for: `?seconds=` says how long, 3 if nothing does."""
    try:
        seconds = float(request.query_params.get("seconds", "3"))
    except ValueError:
        seconds = 3.0
    await asyncio.sleep(min(max(seconds, 0.0), SLOWEST_REPORT_SECONDS))
    total = sum(float(one.amount.split()[0]) for one in ORDERS if one.status != "cancelled")
    return _page("figures", count=len(ORDERS), turnover=f"{total:.2f} EUR")


def _for_customers(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        if not _signed_in(request):
            return RedirectResponse("/shop/", 303)
        return await endpoint(request)

    return checked


ROUTES = [
    Mount(
        "/shop",
        routes=[
            Route("/", home),
            Route("/sign-in", sign_in, methods=["POST"]),
            Route("/code", code_form),
            Route("/code", check_code, methods=["POST"]),
            Route("/phone", phone),
            Route("/sign-out", sign_out),
            Route("/orders", _for_customers(orders)),
            Route("/orders.csv", _for_customers(orders_csv)),
            Route("/orders/{number}", _for_customers(order)),
            Route("/returns", _for_customers(return_form)),
            Route("/returns", _for_customers(return_order), methods=["POST"]),
            Route("/report", _for_customers(report)),
            Route("/report/figures", _for_customers(report_figures)),
        ],
    ),
]
