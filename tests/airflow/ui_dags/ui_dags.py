"""What the pages in Airflow's UI are tested with: a shop in a real browser, and a server that names costs."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG
from pydantic import BaseModel

from airflow_browser_use.operators import BrowserUseTaskOperator
from airflow_browser_use.sensors import BrowserUseTaskSensor


class Order(BaseModel):
    number: str
    customer: str
    amount: float


class Orders(BaseModel):
    orders: list[Order]


with DAG("shop"):
    log_in = BrowserUseTaskOperator(
        task_id="log_in",
        task="Open {{ conn.shop.host }} and sign in as shop_user with password shop_password.",
        secrets={"shop_user": "{{ conn.shop.login }}", "shop_password": "{{ conn.shop.password }}"},
    )
    read_orders = BrowserUseTaskOperator(
        task_id="read_orders",
        task="Set the Status filter to Open and read the Orders table.",
        session_id=log_in.output["session_id"],
        output_schema=Orders,
    )
    BrowserUseTaskOperator(
        task_id="watch",
        task='Open Orders, click "A-1007". Wait 600 seconds. Wait 600 seconds.',
        session_id=read_orders.output["session_id"],
        deferrable=True,
    )

with DAG("broken"):
    BrowserUseTaskOperator(task_id="press", task='Open {{ conn.shop.host }}. Click "No such button".')

with DAG("track"):
    BrowserUseTaskOperator.partial(task_id="track", browser_use_conn_id="priced").expand(
        task=['report [{"carrier": "UPS"}]', "report <img src=x onerror=alert(1)>"]
    )

with DAG("payroll"):
    pay = BrowserUseTaskOperator(task_id="pay", task="report done", browser_use_conn_id="priced")
    BrowserUseTaskSensor(
        task_id="sense", browser_task_id=pay.output["task_id"], browser_use_conn_id="priced", poke_interval=1
    )

with DAG("orphan"):
    BrowserUseTaskOperator(task_id="long", task="forever", browser_use_conn_id="priced", deferrable=True)
