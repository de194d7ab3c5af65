"""Flows for tests in processes of their own: `python -m tests.prefect.flows FLOW`, or `... serve` for all of them.
`... delay` hands tasks to a background worker.

They call the API that the environment names. Each comes in the shapes in which Prefect runs tasks.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from prefect import flow, serve, task
from prefect.blocks.system import Secret
from prefect.flow_runs import suspend_flow_run
from prefect.futures import wait
from prefect.task_runners import ProcessPoolTaskRunner
from prefect_dask import DaskTaskRunner
from pydantic import SecretStr

from prefect_browser_use import BrowserTask, BrowserUseCredentials, arun_browser_task, run_browser_task

CLUSTER = {"n_workers": 1, "threads_per_worker": 4, "dashboard_address": ":0"}
timeout = float(os.environ["FLOW_TIMEOUT"]) if "FLOW_TIMEOUT" in os.environ else None


@flow(name="threads", timeout_seconds=timeout)
def threads() -> None:
    """Seven tasks: submitted, mapped, and called, sync and async, in the flow and in a flow that it calls."""
    run_browser_task.submit("Submitted")
    arun_browser_task.submit("Submitted, async")
    run_browser_task.map(["Mapped", "Mapped"])
    arun_browser_task.map(["Mapped, async"])
    inner()


@flow(name="inner")
def inner() -> None:
    run_browser_task.submit("Submitted by a subflow")
    run_browser_task("Called by a subflow")


@flow(name="event-loop", timeout_seconds=timeout)
async def event_loop() -> None:
    """Four tasks: submitted, mapped, and called side by side."""
    arun_browser_task.submit("Submitted, async")
    arun_browser_task.map(["Mapped, async"])
    await asyncio.gather(arun_browser_task("Gathered"), arun_browser_task("Gathered"))


@task
def own(prompt: str) -> None:
    """A task of one's own."""
    run_browser_task(prompt)


@task
async def aown(prompt: str) -> None:
    """A task of one's own, for asyncio."""
    await arun_browser_task(prompt)


@flow(name="own-tasks", timeout_seconds=timeout)
def own_tasks() -> None:
    """Five tasks that tasks of one's own call: submitted, mapped, and called."""
    futures = [own.submit("In a submitted task"), aown.submit("In a submitted task, async")]
    futures += [*own.map(["In a mapped task"]), *aown.map(["In a mapped task, async"])]
    own("In a called task")
    wait(futures)


@flow(name="blocked-by-task", timeout_seconds=timeout)
async def blocked_by_task() -> None:
    """One task, which blocks the event loop of its flow."""
    run_browser_task("Blocking")


@flow(name="blocked-by-future", timeout_seconds=timeout)
async def blocked_by_future() -> None:
    """Two tasks, for whose futures the flow blocks its event loop."""
    futures = [run_browser_task.submit("Submitted"), arun_browser_task.submit("Submitted, async")]
    for future in futures:
        future.result()


@flow(name="crowd")
async def crowd() -> None:
    """200 tasks side by side, of which every second one keeps its session."""
    kept = [number % 2 == 0 for number in range(200)]
    await asyncio.gather(*(arun_browser_task("Gathered", keep_session=keep, artifacts=False) for keep in kept))


@flow(name="crowd-in-threads")
def crowd_in_threads() -> None:
    """100 tasks in threads, sync and async."""
    run_browser_task.map([f"Mapped {number}" for number in range(50)], artifacts=False)
    arun_browser_task.map([f"Mapped, async {number}" for number in range(50)], artifacts=False).wait()


@flow(name="processes", task_runner=ProcessPoolTaskRunner(max_workers=2), timeout_seconds=timeout)
def processes() -> None:
    """Two tasks, each in a process of its own."""
    submitted = arun_browser_task.submit("Submitted to a process, async")
    run_browser_task.map(["Mapped to a process"]).result()
    submitted.wait()


@flow(name="dask", task_runner=DaskTaskRunner(cluster_kwargs=CLUSTER), timeout_seconds=timeout)
def dask() -> None:
    """Two tasks in one process of a Dask cluster."""
    submitted = arun_browser_task.submit("Submitted to Dask, async")
    run_browser_task.map(["Mapped to Dask"]).result()
    submitted.wait()


impatient = run_browser_task.with_options(timeout_seconds=6)
aimpatient = arun_browser_task.with_options(timeout_seconds=6)


@flow(name="timed-tasks")
def timed_tasks() -> None:
    """Five tasks with a time-out of Prefect's: submitted, mapped, and called."""
    futures = [timed.submit("Submitted") for timed in (impatient, aimpatient)]
    futures += [*impatient.map(["Mapped"]), *aimpatient.map(["Mapped"])]
    impatient("Called", return_state=True)
    wait(futures)


@flow(name="timed-in-event-loop")
async def timed_in_event_loop() -> None:
    """Two tasks with a time-out of Prefect's: called, and submitted."""
    future = aimpatient.submit("Submitted")
    await aimpatient("Called", return_state=True)
    future.wait()


@flow(name="timed-in-processes", task_runner=ProcessPoolTaskRunner(max_workers=2))
def timed_in_processes() -> None:
    """Two tasks with a time-out of Prefect's, each in a process of its own."""
    wait([timed.submit("Submitted") for timed in (impatient, aimpatient)])


@flow(name="timed-in-dask", task_runner=DaskTaskRunner(cluster_kwargs=CLUSTER))
def timed_in_dask() -> None:
    """Two tasks with a time-out of Prefect's, on Dask."""
    wait([timed.submit("Submitted") for timed in (impatient, aimpatient)])


@flow(name="two-steps")
def two_steps() -> None:
    """Two tasks in one session, the second one slow."""
    first = run_browser_task("Sign in", keep_session=True)
    run_browser_task("Watch the slow page", session_id=first.session_id)


@flow(name="block-as-parameter")
def block_as_parameter(
    credentials: BrowserUseCredentials,
    others: BrowserUseCredentials | str | None = None,
    job: BrowserTask | None = None,
) -> None:
    """A task for each block."""
    run_browser_task("With the block", credentials=credentials)
    run_browser_task("With the other", credentials=others)
    if job:
        job.trigger().wait_for_completion()


@flow(name="sign-ins")
def sign_ins() -> None:
    """Three mapped sign-ins that only their secrets tell apart, and what follows each in its browser."""
    names = ("alice", "bob", "carol")
    passwords = [{"password": SecretStr(name)} for name in names]
    signed_in = run_browser_task.map(["Sign in"] * 3, secrets=passwords, keep_session=True).result()
    prompts = [f"Transfer from {name}" for name in names]
    run_browser_task.map(prompts, session_id=[first.session_id for first in signed_in]).wait()


@flow(name="suspended")
def suspended() -> None:
    """Three tasks, and a pause after the second that ends the process."""
    first = run_browser_task("Sign in", keep_session=True)
    run_browser_task("Read the orders")
    suspend_flow_run(timeout=600)
    run_browser_task("Go on", session_id=first.session_id)


FLOWS: dict[str, Any] = {
    found.name: found
    for found in (
        threads,
        event_loop,
        own_tasks,
        blocked_by_task,
        blocked_by_future,
        crowd,
        crowd_in_threads,
        processes,
        dask,
        timed_tasks,
        timed_in_event_loop,
        timed_in_processes,
        timed_in_dask,
        two_steps,
        block_as_parameter,
        sign_ins,
        suspended,
    )
}


IN_BACKGROUND: dict[str, Any] = {"credentials": "background", "secrets": {"password": "secret/background-password"}}


def delay() -> None:
    """Two background tasks, of which each secret is a saved block."""
    block = BrowserUseCredentials(
        api_key=os.environ["BROWSER_USE_API_KEY"], base_url=os.environ["BROWSER_USE_BASE_URL"]
    )
    block.save("background")
    Secret(value=os.environ["PASSWORD"]).save("background-password")
    run_browser_task.delay("Sign in", **IN_BACKGROUND)
    arun_browser_task.delay("Sign in", **IN_BACKGROUND)


def save_blocks() -> None:
    """Blocks to be chosen as parameters of a deployment."""
    block = BrowserUseCredentials(
        api_key=os.environ["BROWSER_USE_API_KEY"], base_url=os.environ["BROWSER_USE_BASE_URL"]
    )
    block.save("chosen")
    BrowserTask(task="Of the job", credentials=block).save("chosen")


def main(chosen: str) -> None:
    if chosen == "serve":
        serve(*(found.to_deployment(name) for name, found in FLOWS.items()))
    elif chosen == "delay":
        delay()
    elif chosen == "save-blocks":
        save_blocks()
    elif FLOWS[chosen].isasync:
        asyncio.run(FLOWS[chosen]())
    else:
        FLOWS[chosen]()


if __name__ == "__main__":
    main(sys.argv[1])
