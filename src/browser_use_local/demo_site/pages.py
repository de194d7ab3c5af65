"""The pages of the demo shop, as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from browser_use_local.demo_site.orders import STATUSES, Order

_STYLE = """
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #f5f6f8; }
body { margin: 0; } main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; }
header { background: #22304a; color: #fff; padding: .75rem 1rem; display: flex; gap: 1.25rem; flex-wrap: wrap; }
footer { max-width: 60rem; margin: 0 auto; padding: 0 1rem 1.5rem; color: #5a6578; }
header a { color: #dbe6ff; } header strong { margin-right: auto; }
h1 { font-size: 1.5rem; } a { color: #2453b3; }
table { border-collapse: collapse; width: 100%; background: #fff; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { padding: .5rem .75rem; border-bottom: 1px solid #e2e6ec; text-align: left; }
td.amount, th.amount { text-align: right; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; background: #fff; padding: 1rem; }
dt { font-weight: 600; } dd { margin: 0; }
form.card { background: #fff; padding: 1rem; max-width: 24rem; display: grid; gap: .75rem; }
form.card, label { grid-template-columns: minmax(0, 1fr); }
label { display: grid; gap: .25rem; font-weight: 600; } input, select, button { font: inherit; padding: .4rem .5rem; }
button { background: #2453b3; color: #fff; border: 0; border-radius: 4px; padding: .5rem 1rem; cursor: pointer; }
[role=alert] { background: #fdecec; color: #8c1d1d; padding: .6rem .8rem; } .scroll { overflow-x: auto; }
form.filter { margin: 1rem 0; } form.filter label { display: inline-flex; align-items: center; gap: .5rem; }
"""


def page(title: str, body: str, *, signed_in: bool = True) -> str:
    """A page of the shop."""
    links = ("orders", "Orders"), ("returns", "Returns"), ("report", "Yearly report"), ("sign-out", "Sign out")
    menu = "".join(f'<a href="/shop/{path}">{label}</a>' for path, label in links) if signed_in else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><header><strong>Corner Shop</strong>{menu}</header>"
        f"<main><h1>{escape(title)}</h1>{body}</main>"
        f"<footer>Signed in: {'yes' if signed_in else 'no'}</footer></body></html>"
    )


def sign_in(problem: str = "") -> str:
    """The form to sign in with."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    form = """<form class="card" method="post" action="/shop/sign-in">
    <label>User name <input name="user" autocomplete="username" required></label>
    <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
    <button>Sign in</button></form>"""
    return page("Sign in", alert + form, signed_in=False)


def second_factor(problem: str = "") -> str:
    """The form that asks for the code on the phone."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    form = """<form class="card" method="post" action="/shop/code">
    <label>Code on your phone <input name="code" autocomplete="one-time-code" inputmode="numeric" required></label>
    <button>Continue</button></form>"""
    return page("Second factor", alert + form, signed_in=False)


def phone(code: str | None) -> str:
    """The screen of the phone that gets the codes."""
    return page("Phone", _facts({"Code": code or "none"}), signed_in=False)


def orders(found: Iterable[Order], status: str) -> str:
    """The table of orders, with its filter."""
    options = "".join(
        f'<option value="{value}"{" selected" if value == status else ""}>{label}</option>'
        for value, label in [("", "All"), *((name, name.capitalize()) for name in STATUSES)]
    )
    rows = "".join(
        f'<tr><td><a href="/shop/orders/{order.number}">{order.number}</a></td><td>{escape(order.customer)}</td>'
        f'<td>{order.placed}</td><td>{order.status.capitalize()}</td><td class="amount">{order.amount}</td></tr>'
        for order in found
    )
    return page(
        "Orders",
        f"""<form class="filter" method="get" action="/shop/orders"><label>Status
        <select name="status" onchange="this.form.submit()">{options}</select></label>
        <noscript><button>Filter</button></noscript></form>
        <div class="scroll"><table><caption>Orders</caption><thead><tr><th>Number</th><th>Customer</th><th>Placed</th>
        <th>Status</th><th class="amount">Amount</th></tr></thead><tbody>{rows}</tbody></table></div>
        <p><a href="/shop/orders.csv" download="orders.csv">Orders as CSV</a></p>""",
    )


def order(one: Order) -> str:
    """One order with its shipping."""
    facts = _facts(
        {"Customer": one.customer, "Placed": one.placed, "Status": one.status.capitalize(), "Amount": one.amount}
    )
    shipping = _facts({"Carrier": one.carrier, "Tracking number": one.tracking, "Expected date": one.expected})
    back = '<p><a href="/shop/orders">All orders</a></p>'
    return page(f"Order {one.number}", f"{facts}<h2>Shipping</h2>{shipping}{back}")


def return_form() -> str:
    """The form that takes a file."""
    return page(
        "Return an order",
        """<form class="card" method="post" action="/shop/returns" enctype="multipart/form-data">
        <label>Order number <input name="order" required></label>
        <label>Reason <select name="reason"><option>Damaged</option><option>Wrong item</option>
        <option>Changed my mind</option></select></label>
        <label>Receipt <input name="receipt" type="file" required></label>
        <label><span><input name="refund" type="checkbox"> Refund to my account</span></label>
        <button>Send return</button></form>""",
    )


def return_received(facts: dict[str, str]) -> str:
    """What the shop says when a return came in."""
    return page("Return received", _facts(facts))


def report() -> str:
    """A page that takes its time."""
    return page(
        "Yearly report",
        """<p id="state">The report is being made. This takes some seconds.</p>
        <script>fetch("/shop/report/figures" + location.search).then((answer) => answer.text())
        .then((figures) => { document.getElementById("state").outerHTML = figures; })</script>""",
    )


def report_figures(count: int, total: str) -> str:
    """What the slow page shows in the end."""
    return f"<p>The report is ready.</p>{_facts({'Orders in the year': str(count), 'Turnover': total})}"


def _facts(facts: dict[str, str]) -> str:
    entries = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in facts.items())
    return f"<dl>{entries}</dl>"
