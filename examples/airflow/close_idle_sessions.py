"""Every quarter of an hour, close the browser sessions that runs of this Airflow have left open.

The provider closes a session with its last task, or soon after the end of its run: the scheduler sees to that, and
tries for hours. What it cannot close, because only workers can reach the server or read the connection, this DAG finds.
A session is closed only if a run of this Airflow began it and that run is over; not if a task set `keep_session=True`
in it, or runs in it that the user wants left. Airflows that run the same DAGs should not share an API key.

Needs Airflow 3 and the connection `browser_use_default` (type Browser Use: base URL and API key). On v4 it finds
nothing, since v4 does not send back whose a session is; a browser stops by itself there, after four hours at the
latest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_browser_use.hooks import BrowserUseHook
from airflow_browser_use.settlement import sessions_without_a_run


@dag(schedule=timedelta(minutes=15), catchup=False, max_active_runs=1, doc_md=__doc__)
def close_idle_sessions() -> None:
    @task(retries=1)
    def close(ti: Any = None) -> list[str]:
        def is_live(dag_id: str, run_id: str) -> bool:
            try:
                return ti.get_dagrun_state(dag_id, run_id) not in {"success", "failed"}
            except AirflowRuntimeError:  # a run of another Airflow, or one that was deleted
                return True

        closed = []
        with BrowserUseHook().new_client() as client:
            for session, dag_id, run_id in sessions_without_a_run(client, is_live):
                client.stop_session(session.id)
                closed.append(f"{session.id} of {run_id} of {dag_id}")
        return closed

    close()


close_idle_sessions()
