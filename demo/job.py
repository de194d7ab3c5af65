"""The main job: the example DAG and the example flow, one after the other."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from browser_use_client import BrowserUseClient
from demo.airflow import Airflow
from demo.dag_run import DagRun
from demo.flow_run import FlowRun
from demo.local_server import LocalServer
from demo.prefect import Prefect
from demo.programs import InterruptedProgramsError, ProgramError, Programs

EXAMPLES = Path(__file__).parents[1] / "examples"
# Runs start when they are asked for: a DAG that is due by its schedule would run a second time beside them.
SETTINGS = {"scheduler.use_job_schedule": False}
POOLS = {"browser_use": 2, "profile_shop": 1}
RUN_TIMEOUT_SECONDS = 400.0
"""On a busy machine the scheduler takes a task that has resumed for one that died: a retry, after a minute."""


def main() -> int:
    """Runs the demo.

    Returns:
        The exit status: 0 if everything succeeded.
    """
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--airflow", type=Path, required=True, help="the virtual environment that has Airflow")
    parser.add_argument("--prefect", type=Path, required=True, help="the virtual environment that has Prefect")
    parser.add_argument(
        "--api", choices=["v2", "v4"], default="v2", help="the API that everything speaks (default: v2)"
    )
    parser.add_argument("--keep", action="store_true", help="leave all open until Ctrl+C")
    options = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="browser-use-job-"))
    # No proxy on the way to this machine, no statistics to anybody, and temporary files end with the rest.
    os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1", DO_NOT_TRACK="1", TMPDIR=str(folder))
    programs = Programs(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, programs.interrupt)
    try:
        server = LocalServer(programs, options.api)
        return run(programs, server, options.airflow.absolute(), options.prefect.absolute(), keep=options.keep)
    except InterruptedProgramsError as interruption:
        print(f"\n{interruption}", file=sys.stderr)
        return 130
    except ProgramError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        programs.close()
        shutil.rmtree(folder, ignore_errors=True)


def run(
    programs: Programs, server: LocalServer, airflow_environment: Path, prefect_environment: Path, *, keep: bool
) -> int:
    """The order of things. What takes long to start, starts beside the rest.

    Args:
        programs: Where everything runs.
        server: Where the tasks run.
        airflow_environment: The virtual environment that has Airflow.
        prefect_environment: The virtual environment that has Prefect.
        keep: Whether to leave all open until a signal arrives.

    Returns:
        The exit status.
    """
    airflow = Airflow(
        programs,
        programs.folder / "airflow",
        airflow_environment,
        EXAMPLES / "airflow",
        {
            "browser_use_default": {"conn_type": "browser_use", "host": server.base_url, "password": server.api_key},
            "shop": {
                "conn_type": "http",
                "host": server.shop_url,
                "login": server.shop_user,
                "password": server.shop_password,
                "extra": {"domain": server.shop_domain},
            },
            "shop_db": {"conn_type": "sqlite", "host": str(programs.folder / "shop.db")},
        },
        SETTINGS,
    )
    prefect = Prefect(programs, programs.folder / "prefect", prefect_environment)

    server.start()
    prefect.start_server()
    airflow.start()
    for name, slots in POOLS.items():
        airflow.add_pool(name, slots)
    airflow.wait_for_dag("shop_orders")
    # One run after the other: a scheduler that gets no processor can take a task that has resumed for one that died.
    airflow_report = DagRun(airflow, "shop_orders", airflow.trigger("shop_orders")).report(within=RUN_TIMEOUT_SECONDS)
    print(f"\n{airflow_report}\n", flush=True)
    deployment = prefect.serve(
        EXAMPLES / "prefect" / "shop_orders.py",
        {
            "BROWSER_USE_API_KEY": server.api_key,
            "BROWSER_USE_BASE_URL": server.base_url,
            "SHOP_URL": server.shop_url,
            "SHOP_USER": server.shop_user,
            "SHOP_PASSWORD": server.shop_password,
            "SHOP_DOMAIN": server.shop_domain,
        },
    )
    with BrowserUseClient(server.api_key, server.base_url) as browser_use:
        flow_run = FlowRun(prefect, prefect.create_flow_run(deployment))
        prefect_report = flow_run.report(browser_use, within=RUN_TIMEOUT_SECONDS)
    print(f"\n{prefect_report}", flush=True)
    if keep:
        print(
            f"\nAirflow:   {airflow.url}\nPrefect:   {prefect.url}\nLive view: {server.live_url}\nOpen until Ctrl+C.",
            flush=True,
        )
        with contextlib.suppress(InterruptedProgramsError):
            programs.stay()
    return 0 if airflow_report.succeeded and prefect_report.succeeded else 1
