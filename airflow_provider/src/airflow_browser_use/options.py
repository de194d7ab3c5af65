"""What the user wants of a remote task, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from airflow_browser_use.delivery import Delivery
from airflow_browser_use.hooks import DEFAULT_CONN_ID


@dataclass(frozen=True)
class TaskOptions:
    """What the user wants of a remote task, rendered; see `BrowserUseTaskOperator`."""

    session_id: Any = None
    keep_session: bool | None = None
    output_schema: Any = None
    delivery: Delivery = field(default_factory=Delivery)
    files: Any = None
    key: str | None = None
    max_cost_usd: Decimal | None = None
    poll_interval: float | None = None
    wait_when_busy: float = 0.0
    fail_on_unsuccessful: bool = True
    stop_on_timeout: bool = True
    stop_on_kill: bool = True
    browser_use_conn_id: str = DEFAULT_CONN_ID
    show_live_url: bool = False
