"""An auth manager of Airflow that knows a user who may not read every DAG."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class TwoUsers(SimpleAuthManager):
    """`guest` may read everything but the DAG `payroll`."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        hidden = user.username == "guest" and details is not None and details.id == "payroll"
        return not hidden and super().is_authorized_dag(user=user, details=details, **asked)
