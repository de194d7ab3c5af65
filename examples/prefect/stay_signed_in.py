"""Stay signed in: a person signs in once, by hand, and the daily flow goes on with the cookies of that browser.

`sign_in_by_hand` opens the sign-in page with a browser profile, pauses, and asks a person to sign in there, in the live
view of the browser, which the log names. Whatever the site asks for, a second factor too, is between the person and the
site. When somebody presses *Resume* in the UI, it checks that the browser is signed in and closes it, which saves the
profile.

`read_orders_daily` uses the profile, and asks in the same answer whether it was signed in (`signed_in: bool`), since a
site ends a sign-in when it likes. Where it did, the flow signs in with the secrets, or, where a second factor stands in
the way (`by_hand=True`), asks a person before it reads on.

Two browsers at a time with one profile overwrite each other's cookies. So the flow takes the one slot of a limit, also
while it waits for the person:

    prefect gcl create profile-shop --limit 1

    python examples/prefect/stay_signed_in.py            # daily, once
    python examples/prefect/stay_signed_in.py by-hand    # the same, for an account with a second factor

Needs in its environment: PREFECT_API_URL, BROWSER_USE_API_KEY (and BROWSER_USE_BASE_URL, for another server than
Browser Use Cloud), SHOP_URL, and SHOP_USER and SHOP_PASSWORD where secrets are to be used; on v4 also SHOP_DOMAIN, the
host name on whose pages these may be typed. On your own machine, `browser-use-local up --demo-site` serves the API and
the shop (docs/local-server.md), `prefect server start` the UI. User `careful` of the shop has a second factor, and its
phone is at /shop/phone.
"""

from __future__ import annotations

import os
import sys

from prefect import flow, pause_flow_run
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger
from pydantic import BaseModel, SecretStr

from prefect_browser_use import browser_session, run_browser_task

PROFILE = {"profile": "shop"}
LIMIT = "profile-shop"
PATIENCE = 600
"""Seconds for the person; the local server and Browser Use Cloud close a browser that is idle for 15 minutes."""


class Order(BaseModel):
    """A row of the shop's table of orders."""

    number: str
    amount: float


class Orders(BaseModel):
    """Whether the shop knows us, as it says on every page, and its table, which it shows to those whom it knows."""

    signed_in: bool
    orders: list[Order] = []


@flow
def sign_in_by_hand(shop_url: str) -> None:
    """Have a person sign in to the browser profile.

    Args:
        shop_url: The shop's address.
    """
    with browser_session(browser_settings=PROFILE) as session:
        session.run(f"Open {shop_url} and report the heading.", name="open-page")
        get_run_logger().info("Please sign in, in the live view of session %s, and resume this flow run.", session.id)
        pause_flow_run(timeout=PATIENCE, poll_interval=2)
        look = session.run(f"Open {shop_url}orders and report signed in.", name="check", output_schema=Orders)
        if not look.parse(Orders).signed_in:
            raise ValueError("The browser is not signed in: run this again, and sign in before you resume.")


@flow
def read_orders_daily(shop_url: str = os.environ.get("SHOP_URL", ""), *, by_hand: bool = False) -> list[Order]:
    """Read the orders, signed in as the profile is.

    Args:
        shop_url: The shop's address.
        by_hand: Ask a person to sign in where the shop has forgotten us, instead of using secrets.
    """
    with concurrency(LIMIT, strict=True):
        found = read(f"Open {shop_url}orders and report signed in.")
        if not found.signed_in and by_hand:
            sign_in_by_hand(shop_url)
            found = read(f"Open {shop_url}orders and report signed in.")
        elif not found.signed_in:
            found = read(
                f"Open {shop_url}, sign in as shop_user with password shop_password, and report signed in.",
                shop_user=SecretStr(os.environ["SHOP_USER"]),
                shop_password=SecretStr(os.environ["SHOP_PASSWORD"]),
            )
    get_run_logger().info("%d orders", len(found.orders))
    return found.orders


def read(prompt: str, **secrets: SecretStr) -> Orders:
    """Run a task in a browser with the profile.

    Args:
        prompt: What to do.
        secrets: What to sign in with.
    """
    result = run_browser_task(
        prompt,
        browser_settings=PROFILE,
        secrets=secrets or None,
        secret_domains=(secrets and os.environ.get("SHOP_DOMAIN", "").split()) or None,
        output_schema=Orders,
    )
    return result.parse(Orders)


if __name__ == "__main__":
    read_orders_daily(by_hand="by-hand" in sys.argv[1:])
