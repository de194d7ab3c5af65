"""A cluster policy, which Airflow asks about every task that it parses: mapped tasks are checked then as well."""

from __future__ import annotations

from typing import Any

from airflow.exceptions import AirflowClusterPolicyViolation
from airflow.policies import hookimpl


@hookimpl
def task_policy(task: Any) -> None:
    """Refuse a mapped task whose arguments are wrong as they are written. Others are checked as they are made.

    Raises:
        AirflowClusterPolicyViolation: They are; the DAG has an import error.
    """
    check = getattr(getattr(task, "operator_class", None), "check_arguments", None)
    if check is None or not hasattr(task, "partial_kwargs"):
        return
    from airflow_browser_use.mapped import arguments_of, expanded_arguments_of
    from browser_use_client import InvalidRequestError

    try:
        for arguments in (arguments_of(task), *expanded_arguments_of(task)):
            check(arguments)
    except InvalidRequestError as error:
        raise AirflowClusterPolicyViolation(f"Task {task.task_id!r} of DAG {task.dag.dag_id!r}: {error}") from None
