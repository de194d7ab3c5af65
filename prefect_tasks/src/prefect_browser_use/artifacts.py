"""The artifact of a task, which Prefect's UI shows: that it runs, and then what came of it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence

from prefect.artifacts import Artifact, MarkdownArtifact
from prefect.context import FlowRunContext, TaskRunContext

from browser_use_client import CreatedTask, Step, Task

THUMBNAIL_PIXELS = 160
"""How wide the picture of a step is in the table of steps."""


LINE_CHARACTERS = 80
"""Blocks of code are not wrapped: text with longer lines is shown as code in lines of Markdown, which are."""


def artifact_key() -> str:
    """The key of the artifacts of the task run that is running, or else of its flow run.

    The *Artifacts* page of Prefect lists those of one key as versions of one thing: here, of a task of a flow.
    """
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    names = [flow.flow.name if flow and flow.flow else "", task.task.name if task else ""]
    return "-".join(["browser-use", *filter(None, map(_slug, names))])


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def of_running_task(key: str, task: CreatedTask, live_url: str | None, command: str) -> Artifact:
    """That a task runs, and how to see its browser.

    Args:
        key: See `artifact_key`.
        task: The task.
        live_url: Where, if that may be shown.
        command: Opens the live view.
    """
    watch = f"[Watch the browser]({live_url})" if live_url else f"To watch the browser:\n\n{_fenced(command, 'sh')}"
    text = f"{watch}\n\nIts steps are in the log as they happen; when it has ended, they are here, too."
    return _artifact(key, "running", text, task)


def of_stopped_task(key: str, task: CreatedTask, reason: str) -> Artifact:
    """That nobody waits for a task any more, and that it was stopped."""
    return _artifact(key, "stopped", inline(reason), task)


def of_ended_task(key: str, task: Task, *, pictures: bool, embed: Callable[[str], str]) -> Artifact:
    """What came of a task: its output and cost, a table of its steps, and of one that failed the last page.

    Args:
        key: See `artifact_key`.
        task: The task, without secrets.
        pictures: Whether each step's picture is shown in full as well.
        embed: Makes the URL of a picture one that lasts as long as the artifact.
    """
    with_picture = [step for step in task.steps if step.screenshot_url]
    parts = [_text(task.output or "(no output)")]
    if with_picture and outcome(task) != "finished":
        last = with_picture[-1]
        parts.append(f"**The last page**, {inline(last.url)}\n\n{_picture('The last page', embed(_url_of(last)))}")
    if task.output_files:
        parts.append("**Files**\n" + "".join(f"\n- {inline(file.name)}" for file in task.output_files))
    if task.steps:
        parts.append(_table(task.steps))
    if pictures:
        parts += [
            f"**Step {step.number}**\n\n{_picture(f'Step {step.number}', _url_of(step))}" for step in with_picture
        ]
    return _artifact(key, _summary(task), "\n\n".join(parts), task)


def _artifact(key: str, summary: str, text: str, task: CreatedTask | Task) -> Artifact:
    """Prefect shows the summary above the text, and in the cards of the *Artifacts* page."""
    about = f"Task `{task.id}` in session `{task.session_id}`"
    return MarkdownArtifact(key=key, markdown=f"{text}\n\n{about}\n", description=summary)


def _summary(task: Task) -> str:
    parts = [
        outcome(task),
        f"{len(task.steps)} steps",
        f"{seconds:.0f} s" if (seconds := seconds_of_run(task)) is not None else "",
        f"{task.cost} USD" if task.cost is not None else "",
    ]
    return " · ".join(filter(None, parts))


def _text(output: str) -> str:
    try:
        return _fenced(json.dumps(json.loads(output), indent=2, ensure_ascii=False), "json")
    except (ValueError, RecursionError):
        lines = output.splitlines()
    if max(map(len, lines), default=0) <= LINE_CHARACTERS:
        return _fenced(output, "text")
    return "\\\n".join(map(inline, filter(str.strip, lines)))


def _table(steps: Sequence[Step]) -> str:
    """Of few columns, so that it stands beside the panel of Prefect's page, and on a phone."""
    has_pictures = any(step.screenshot_url for step in steps)
    rows = [
        ["Step", "Picture", "What"],
        ["---"] * 3,
        *([str(one.number), _thumbnail(one), _what(one)] for one in steps),
    ]
    return "\n".join(f"| {' | '.join(row if has_pictures else [row[0], row[2]])} |" for row in rows)


def _what(step: Step) -> str:
    judged = f"the step before: {inline(step.evaluation)}" if step.evaluation else ""
    return "<br>".join(filter(None, (inline(step.goal), inline(step.url), judged))).replace("|", "\\|")


def _thumbnail(step: Step) -> str:
    """A link to the whole picture."""
    url = _url_of(step)
    picture = _picture(f"Step {step.number}", url, f' width="{THUMBNAIL_PIXELS}"')
    return f'<a href="{html.escape(url)}">{picture}</a>'.replace("|", "%7C") if url else ""


def _url_of(step: Step) -> str:
    return step.screenshot_url or ""


def _picture(alternative: str, url: str, size: str = "") -> str:
    """In HTML, since Markdown has no sizes."""
    return f'<img src="{html.escape(url)}" alt="{alternative}"{size}>'


def _fenced(text: str, language: str) -> str:
    """Text as it is, in Markdown: pages that a task read must not bring pictures and links of their own."""
    fence = "`" * max(3, _longest_fence(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_fence(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def inline(text: str) -> str:
    """Text as it is, in a line of Markdown."""
    if not text:
        return text
    fence = "`" * (_longest_fence(text) + 1)
    return f"{fence} {' '.join(text.split())} {fence}"


def outcome(task: Task) -> str:
    """`finished`, `failed` or `stopped`; a task whose agent says that it did not succeed has failed."""
    return "failed" if task.status == "finished" and not task.has_succeeded else task.status


def seconds_of_run(task: Task) -> float | None:
    """How long a task took; None if the server does not say."""
    began = task.started_at or task.created_at
    return (task.finished_at - began).total_seconds() if task.finished_at and began else None
