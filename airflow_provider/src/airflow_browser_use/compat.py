"""What common-compat has since 1.21, or not at all; the last one for Python 3.10 is 1.20."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import SET_DURING_EXECUTION, mask_secret
    from airflow.sdk.definitions.asset import AssetRef
    from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS
else:
    try:
        from airflow.providers.common.compat.sdk import SET_DURING_EXECUTION, mask_secret
    except ImportError:
        try:
            from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION
            from airflow.sdk.log import mask_secret
        except ImportError:  # Airflow 2.11
            from airflow.utils.log.secrets_masker import mask_secret
            from airflow.utils.types import NOTSET as SET_DURING_EXECUTION
    try:
        from airflow.sdk.definitions.asset import AssetRef
    except ImportError:  # Airflow 2.11 has none
        AssetRef = ()
    try:
        from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS
    except ImportError:  # Airflow 2.11
        from airflow.utils.context import KNOWN_CONTEXT_KEYS

__all__ = ["KNOWN_CONTEXT_KEYS", "SET_DURING_EXECUTION", "AssetRef", "is_dag_test", "mask_secret"]


def is_dag_test() -> bool:
    """Whether `dag.test()` executes the task, or runs its trigger, in this process (3.0 and newer).

    Nothing official says so. But its supervisor is of a class of its own, in the same process (read in 3.0 to 3.3.2).
    """
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    supervisor = sys.modules.get("airflow.sdk.execution_time.supervisor")
    in_process: Any = getattr(supervisor, "InProcessSupervisorComms", ())
    return isinstance(getattr(runner, "SUPERVISOR_COMMS", None), in_process)
