"""Whatever happens to a run: no session is open a minute after it, and none is closed under a task that may go on.

Each scenario is one run in a real Airflow with a server of its own, whose creates, stops and open sessions are counted.
They are played at the same time, since most of each is waiting.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from .conftest import Scene, Stage

MODES = ("deferred", "on_worker")
AT_ONCE = 3
WAITS = {"deferred": "deferred", "on_worker": "running"}

Scenario = Callable[[Scene, str], None]
SCENARIOS: dict[str, tuple[str, dict[str, str], Scenario]] = {}


def scenario(dag: str, **params: str) -> Callable[[Scenario], Scenario]:
    def register(play: Scenario) -> Scenario:
        SCENARIOS[play.__name__] = (dag, params, play)
        return play

    return register


def live(scene: Scene, mode: str, task_id: str, count: int) -> None:
    """Wait until a task instance waits for so many-th remote task."""
    remote = scene.wait_for_remote_task(count, seconds=240)
    scene.run.wait_for(task_id, WAITS[mode], seconds=240)
    scene.wait_for_polls(remote)


def ends(scene: Scene, state: str) -> None:
    assert scene.run.wait(seconds=300) == state


def clear_and_restart(scene: Scene, mode: str, *task_ids: str) -> None:
    """Clear task instances; 3.0 leaves one that a worker executes `restarting` (apache/airflow#55045)."""
    scene.run.clear(*task_ids)
    if mode == "on_worker" and not AIRFLOW_V_3_1_PLUS:
        scene.run.wait_for(task_ids[-1], "restarting")
        scene.run.mark(task_ids[-1], "failed")
        scene.run.clear(task_ids[-1])


@scenario("unrendered_chain")
def a_follow_up_fails_while_its_templates_are_rendered(scene: Scene, mode: str) -> None:  # noqa: ARG001
    ends(scene, "failed")
    assert len(scene.tasks) == 1


@scenario("hasty_chain")
def a_follow_up_takes_longer_than_its_execution_timeout(scene: Scene, mode: str) -> None:  # noqa: ARG001
    ends(scene, "failed")
    assert scene.stops(scene.tasks[1]) == 1


@scenario("hasty_unkilled_chain")
def a_late_follow_up_is_stopped_though_a_killed_one_would_not_be(scene: Scene, mode: str) -> None:  # noqa: ARG001
    ends(scene, "failed")
    assert scene.stops(scene.tasks[1]) == 1


@scenario("patient_chain", prompt="fail")
def a_follow_up_is_marked_failed_while_it_waits_for_its_retry(scene: Scene, mode: str) -> None:  # noqa: ARG001
    scene.run.wait_for("browse", "up_for_retry", seconds=240)
    assert not scene.server.sessions[scene.tasks[0].session_id].stopped
    scene.run.mark("browse", "failed")
    ends(scene, "failed")


@scenario("once_chain")
def the_first_task_and_the_follow_up_are_cleared_while_the_follow_up_is_live(scene: Scene, mode: str) -> None:
    live(scene, mode, "browse", 2)
    clear_and_restart(scene, mode, "log_in", "browse")
    scene.wait_for_remote_task(4, seconds=240)
    old, new = scene.tasks[1], scene.tasks[3]
    assert old.stopped
    assert new.session_id == scene.tasks[2].session_id != old.session_id
    new.finish()
    ends(scene, "success")
    assert len(scene.tasks) == 4


@scenario("patient_chain", prompt="fail")
def the_first_task_and_the_follow_up_are_cleared_while_the_follow_up_waits_for_its_retry(
    scene: Scene,
    mode: str,  # noqa: ARG001
) -> None:
    scene.run.wait_for("browse", "up_for_retry", seconds=240)
    scene.run.clear("log_in", "browse")
    scene.wait_for_remote_task(4, seconds=240)
    scene.run.wait_for("browse", "up_for_retry", try_number=2, seconds=240)
    scene.run.mark("browse", "failed")
    ends(scene, "failed")
    assert len(scene.server.sessions) == 2


@scenario("once_chain", prompt="for 0 s")
def only_the_first_task_is_cleared_after_the_end(scene: Scene, mode: str) -> None:  # noqa: ARG001
    ends(scene, "success")
    scene.run.clear("log_in")
    scene.wait_for_remote_task(3, seconds=240)
    scene.run.wait_for("log_in", "success", try_number=2, seconds=240)
    ends(scene, "success")


@scenario("live_group")
def a_group_is_cleared_while_a_task_in_it_is_live(scene: Scene, mode: str) -> None:
    live(scene, mode, "shop.browse", 1)
    clear_and_restart(scene, mode, "shop.start", "shop.browse")
    second = scene.wait_for_remote_task(2, seconds=240)
    assert second.session_id != scene.tasks[0].session_id
    second.finish()
    ends(scene, "success")
    assert scene.tasks[0].stopped


@scenario("live_group")
def a_task_of_a_group_is_cleared_while_it_is_live(scene: Scene, mode: str) -> None:
    live(scene, mode, "shop.browse", 1)
    clear_and_restart(scene, mode, "shop.browse")
    scene.wait_for_remote_task(2, seconds=240).finish()
    ends(scene, "success")
    assert scene.tasks[0].stopped


@scenario("once_chain")
def a_follow_up_is_cleared_while_it_is_live_and_goes_on_in_its_session(scene: Scene, mode: str) -> None:
    live(scene, mode, "browse", 2)
    clear_and_restart(scene, mode, "browse")
    scene.wait_for_remote_task(3, seconds=240).finish()
    ends(scene, "success")
    assert len(scene.server.sessions) == 1
    assert scene.stops(scene.tasks[1]) == 1


@scenario("siblings")
def a_branch_is_marked_failed_while_its_sibling_waits_for_the_session(scene: Scene, mode: str) -> None:
    scene.wait_for_remote_task(2, seconds=240)
    held = "first" if scene.tasks[1].prompt == "forever" else "second"
    if held == "first":
        live(scene, mode, "first", 2)
        scene.run.wait_for("second", "running", seconds=240)
        scene.run.mark("first", "failed")
    else:  # the other one came first, and has ended by itself
        live(scene, mode, "first", 3)
        scene.run.mark("first", "failed")
    ends(scene, "failed")
    assert scene.run.instance("second")["state"] == "success"
    assert len(scene.server.sessions) == 1


@scenario("once_chain", root="forever", prompt="for 0 s")
def a_live_first_task_is_marked_successful_and_the_follow_up_goes_on_in_its_session(scene: Scene, mode: str) -> None:
    live(scene, mode, "log_in", 1)
    scene.run.mark("log_in", "success")
    ends(scene, "success")
    assert scene.tasks[0].stopped
    assert [task.status for task in scene.tasks] == ["stopped", "finished"]
    assert len(scene.server.sessions) == 1


@scenario("three")
def a_live_follow_up_is_marked_successful_and_the_next_one_goes_on_in_its_session(scene: Scene, mode: str) -> None:
    live(scene, mode, "browse", 2)
    scene.run.mark("browse", "success")
    ends(scene, "success")
    assert [task.status for task in scene.tasks] == ["finished", "stopped", "finished"]
    assert len(scene.server.sessions) == 1


@scenario("once_chain")
def a_live_follow_up_is_marked_failed(scene: Scene, mode: str) -> None:
    live(scene, mode, "browse", 2)
    scene.run.mark("browse", "failed")
    ends(scene, "failed")
    scene.wait_for_stop(scene.tasks[1])


@pytest.fixture(scope="module")
def played(stage: Stage, request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], Future[None]]]:
    """All scenarios that are to be tested, at the same time."""
    tested = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]

    def play(scene: Scene, mode: str, name: str) -> None:
        SCENARIOS[name][2](scene, mode)
        until = scene.run.airflow.until
        until("no session is open a minute after the run", lambda: not scene.server.open_sessions, seconds=60)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {}
        for name, mode in [(params["name"], params["mode"]) for params in tested if params.get("name") in SCENARIOS]:
            dag, params, _ = SCENARIOS[name]
            conn, server = stage.server()
            futures[name, mode] = pool.submit(
                lambda conn=conn, server=server, dag=dag, params=params, name=name, mode=mode: play(
                    Scene(server, stage.airflow.run(f"{dag}_{mode}", conn=conn, **params)), mode, name
                )
            )
        yield futures


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_session_is_left_open_and_none_is_closed_too_early_when(
    played: dict[tuple[str, str], Future[None]], name: str, mode: str
) -> None:
    played[name, mode].result()


def assert_left_running(scene: Scene) -> None:
    """Also once the run is settled."""
    ends(scene, "failed")
    scene.run.airflow.until("the run is settled", lambda: scene.server.counted("GET", "/sessions"))
    assert scene.tasks[1].status == "started"
    assert scene.stops(scene.tasks[1]) == 0
    assert not scene.server.sessions[scene.tasks[1].session_id].stopped


@pytest.fixture(scope="module")
def left(stage: Stage) -> dict[tuple[str, str], Scene]:
    """Runs whose second task the user wants left running, played at the same time."""
    kinds = ("expired_unkilled", "hasty_unstopped", "unkilled")
    return {(kind, mode): stage.play(f"{kind}_chain_{mode}") for kind in kinds for mode in MODES}


@pytest.mark.parametrize("mode", MODES)
def test_a_task_that_is_to_be_left_running_is_left_when_it_is_marked_failed(
    left: dict[tuple[str, str], Scene], mode: str
) -> None:
    scene = left["unkilled", mode]
    live(scene, mode, "browse", 2)
    scene.run.mark("browse", "failed")
    assert_left_running(scene)
    if mode == "on_worker":
        assert "is left running (`stop_on_kill`)" in scene.run.log("browse")


@pytest.mark.parametrize("mode", MODES)
def test_a_late_task_that_is_to_be_left_running_is_left_also_when_its_run_is_over(
    left: dict[tuple[str, str], Scene], mode: str
) -> None:
    assert_left_running(left["hasty_unstopped", mode])


@pytest.mark.parametrize("mode", MODES)
def test_a_task_that_is_to_be_left_running_is_left_when_its_run_times_out(
    left: dict[tuple[str, str], Scene], mode: str
) -> None:
    assert_left_running(left["expired_unkilled", mode])


@pytest.mark.skipif(not AIRFLOW_V_3_1_PLUS, reason="3.0 fails a task that was killed for good")
@pytest.mark.parametrize("retries", [0, 9])
def test_an_edit_of_the_retries_neither_stops_the_live_task_of_a_killed_worker_nor_makes_another(
    stage: Stage, retries: int
) -> None:
    edited = stage.airflow.home / f"retries-{retries}"
    scenes = {cleared: stage.play(f"edited_{retries}_on_worker") for cleared in (False, True)}
    live(scenes[True], "on_worker", "browse", 1)
    scenes[True].run.clear("browse")
    live(scenes[True], "on_worker", "browse", 2)
    live(scenes[False], "on_worker", "browse", 1)
    edited.touch()
    try:
        for scene in scenes.values():
            os.kill(scene.run.worker_pid("browse"), signal.SIGKILL)
        for cleared, scene in scenes.items():
            scene.run.wait_for("browse", "running", try_number=3 if cleared else 2, seconds=240)
            task = scene.tasks[-1]
            scene.wait_for_polls(task)
            assert [each.status for each in scene.tasks] == ["stopped"] * cleared + ["started"]
            task.finish()
            ends(scene, "success")
            assert [each.status for each in scene.tasks] == ["stopped"] * cleared + ["finished"]
            assert scene.stops(task) == 0
    finally:
        edited.unlink()


def test_unordered_follow_ups_that_resume_together_leave_no_session_open_and_close_none_too_early(stage: Stage) -> None:
    scene = stage.play("siblings_deferred", other="forever")
    first = scene.wait_for_remote_task(2, seconds=240)
    stage.airflow.pause("triggerer")
    try:
        first.finish()
        second = scene.wait_for_remote_task(3, seconds=240)
        second.finish()
        for branch in ("first", "second"):
            scene.run.wait_for(branch, "deferred", seconds=240)
    finally:
        stage.airflow.send("triggerer", signal.SIGCONT)
    ends(scene, "success")
    assert [task.status for task in scene.tasks] == ["finished"] * 3
    assert len(scene.server.sessions) == 1
    stage.airflow.until("no session is open", lambda: not scene.server.open_sessions, seconds=60)
