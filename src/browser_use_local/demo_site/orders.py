"""What the demo shop sells, and to whom.

The account is `demo` with the password `browser-use-demo`; `careful` has the same password and a second factor.
"""

from __future__ import annotations

from dataclasses import dataclass

USER = "demo"
CAREFUL_USER = "careful"
PASSWORD = "browser-use-demo"  # noqa: S105 - the documented password of a demo


@dataclass(frozen=True)
class Order:
    """An order, and where it is. What has not left the shop has no tracking number."""

    number: str
    customer: str
    placed: str
    status: str
    amount: str
    carrier: str
    tracking: str
    expected: str


ORDERS = tuple(
    Order(*line.split("|"))
    for line in """\
A-1001|Grace Hopper|2026-10-02|closed|489.00 EUR|DHL|JD014600003828|2026-10-05
A-1002|Alan Turing|2026-10-09|closed|72.40 EUR|UPS|1Z999AA10123456784|2026-10-12
A-1003|Ada Lovelace|2026-10-17|cancelled|1250.00 EUR|none|none|none
A-1004|Katherine Johnson|2026-10-21|open|18.90 EUR|Post|RR473124829DE|2026-11-27
A-1005|Edsger Dijkstra|2026-10-28|open|149.99 EUR|DHL|JD014600003917|2026-11-26
A-1006|Barbara Liskov|2026-11-03|closed|64.50 EUR|DPD|05308801410058|2026-11-06
A-1007|Margaret Hamilton|2026-11-10|open|310.25 EUR|UPS|1Z999AA10123456799|2026-11-28
A-1008|Donald Knuth|2026-11-12|closed|99.00 EUR|DHL|JD014600004012|2026-11-16
A-1009|Radia Perlman|2026-11-16|open|42.00 EUR|DPD|05308801410112|2026-11-30
A-1010|Ken Thompson|2026-11-19|cancelled|27.80 EUR|none|none|none""".splitlines()
)
ORDER_STATUSES = ("open", "closed", "cancelled")


def find(number: str) -> Order | None:
    """The order of this number."""
    return next((order for order in ORDERS if order.number == number), None)
