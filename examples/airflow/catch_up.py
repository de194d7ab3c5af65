"""Collect what came in on each day: a run for every day, also for those that were missed, and each row once.

`catchup=True` starts a run for each day since the start date, one after the other (`max_active_runs=1`), and after a
weekend without Airflow those of the weekend. The day is in the prompt: a run asks for its own day, whenever it runs.
The timetable is one of intervals, since `@daily` alone starts a run of Airflow 3 when its day begins, not when it is
over. The rows are replaced by their key, so a run that is cleared and runs again writes none twice.

What a run costs, a catch-up costs once for each missed day: mind the start date, and `end_date` where the past ends.

Needs the connections `browser_use_default` (type Browser Use: base URL and API key), `shop` (address as host, login and
password; for v4 in its extra `domain` also the host name on whose pages they may be typed) and `shop_db` (type Sqlite:
the path of the database file as host), and `pip install apache-airflow-providers-sqlite`. Any other SQL database is the
same with its own hook.

To run it on your own machine: `browser-use-local up --demo-site` (docs/local-server.md), whose last orders are of the
days below.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.common.compat.sdk import dag, task
from airflow.providers.sqlite.hooks.sqlite import SqliteHook
from airflow.timetables.interval import CronDataIntervalTimetable
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator


class Order(BaseModel):
    """A row of the shop's table of orders, and of ours."""

    number: str
    customer: str
    amount: float


class Orders(BaseModel):
    """The table of a day, which may have no rows."""

    orders: list[Order]


@dag(
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=dt.datetime(2026, 11, 16, tzinfo=dt.timezone.utc),
    end_date=dt.datetime(2026, 11, 19, tzinfo=dt.timezone.utc),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 2},
    doc_md=__doc__,
)
def catch_up() -> None:
    read_day = BrowserUseTaskOperator(
        task_id="read_day",
        task="Open {{ conn.shop.host }}, sign in as shop_user with password shop_password,"
        " open {{ conn.shop.host }}orders?placed={{ data_interval_start | ds }} and read the Orders table.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
        secret_domains="{{ conn.shop.extra_dejson.get('domain', '') }}",
        output_schema=Orders,
        deferrable=True,
    )

    @task
    def store(result: dict[str, Any], data_interval_start: dt.datetime) -> int:
        day = data_interval_start.date().isoformat()
        rows = [[*order.values(), day] for order in result["output"]["orders"]]
        hook = SqliteHook("shop_db")
        hook.run("CREATE TABLE IF NOT EXISTS daily (number TEXT PRIMARY KEY, customer, amount REAL, placed)")
        hook.insert_rows("daily", rows, target_fields=[*Order.model_fields, "placed"], replace=True)
        return len(rows)

    store(read_day.output)


catch_up()
