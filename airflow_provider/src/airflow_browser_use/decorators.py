"""`@task.browser_use`: a function that returns the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)

from airflow_browser_use.compat import SET_DURING_EXECUTION
from airflow_browser_use.operators.task import BrowserUseTaskOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context, TaskDecorator


class DecoratedBrowserUseTaskOperator(DecoratedOperator, BrowserUseTaskOperator):
    """A `BrowserUseTaskOperator` whose prompt is what a function returns."""

    custom_operator_name = "@task.browser_use"
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *BrowserUseTaskOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **BrowserUseTaskOperator.template_fields_renderers,
    }
    overwrite_rtif_after_execution = True

    def __init__(self, *, python_callable: Callable[..., str], **kwargs: Any) -> None:
        super().__init__(python_callable=python_callable, task=SET_DURING_EXECUTION, **kwargs)

    def execute(self, context: Context) -> Any:
        """Call the function, then run what it asks for."""
        context_merge(context, self.op_kwargs)
        prompt = self.python_callable(*self.op_args, **determine_kwargs(self.python_callable, self.op_args, context))
        if not isinstance(prompt, str) or not prompt.strip():
            raise AirflowFailException(
                f"`{self.python_callable.__name__}` has to return the prompt as a string that is not empty,"
                f" not {type(prompt).__name__}."
            )
        self.task = prompt  # text, whatever it holds: it is never rendered
        return BrowserUseTaskOperator.execute(self, context)


def browser_use_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """Turn a function that returns a prompt into a Browser Use task.

    Args:
        python_callable: The function.
        kwargs: The arguments of `BrowserUseTaskOperator`, but `task`.
    """
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=DecoratedBrowserUseTaskOperator, **kwargs
    )
