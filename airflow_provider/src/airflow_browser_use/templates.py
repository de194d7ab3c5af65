"""How the template fields of the operators are rendered: once, keeping types, and never text that came from outside."""

from __future__ import annotations

from collections import ChainMap
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator
from jinja2 import Undefined
from jinja2.nativetypes import NativeCodeGenerator

from airflow_browser_use.mapped import arguments_of, is_mapped_over, mapped_task_of, rows_of
from airflow_browser_use.secrets import is_resolved_later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.providers.common.compat.sdk import Context
    from jinja2 import Environment, Template


class TemplatedOperator(BaseOperator):
    """An operator whose own fields are rendered alike, whatever `render_template_as_native_obj` of the DAG says.

    A template that is one expression has its value: `{{ params.settings }}` may be a mapping, and a parameter that is
    None is None, not the text "None". Any other template is the text that Jinja makes of it. Text is not read again as
    Python, as native rendering does: the password `1e5` is no number. Fields that a subclass adds are Airflow's.

    Attributes:
        text_fields: The template fields that are text: what an expression gives is made text there. One that was given
            and turns out to be None is an empty text: to leave an argument out is something else.
        own_template_fields: All that are rendered so.
    """

    text_fields: ClassVar[frozenset[str]]
    own_template_fields: ClassVar[frozenset[str]]

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: Environment,
        seen_oids: set[int],
    ) -> None:
        """Render the fields of the operator, or of an object in one of them: Airflow calls it for both."""
        if parent is not self:
            super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
            return
        for name in self.own_template_fields:
            if hasattr(value := getattr(self, name), "template_fields"):
                setattr(self, name, copy(value))  # it is rendered in place, and the operator of the next try has it too
        seen_oids = _without_data(seen_oids, self, context)
        fields = list(template_fields)
        given = {name for name in self.text_fields if getattr(self, name) is not None or is_mapped_over(self, name)}
        own = [name for name in fields if name in self.own_template_fields]
        others = [name for name in fields if name not in self.own_template_fields]
        super()._do_render_template_fields(self, others, context, jinja_env, seen_oids)
        super()._do_render_template_fields(self, own, context, _expressions(jinja_env), seen_oids)
        for name in given.intersection(own):
            value = getattr(self, name)
            setattr(self, name, "" if value is None else str(value))

    def _render(self, template: Template, context: Context, dag: Any = None) -> Any:
        if template.environment.concat is not _value_or_text:
            return super()._render(template, context, dag)
        try:
            variables = template.new_context(ChainMap(context, template.globals), shared=True)  # type: ignore[arg-type]
            return _value_or_text(template.root_render_func(variables))
        except Exception:  # noqa: BLE001 - raised again
            template.environment.handle_exception()  # its traceback points into the template


def _expressions(jinja_env: Environment) -> Environment:
    """The same environment, but for what a template of one expression gives: its value."""
    expressions = jinja_env.overlay()
    expressions.code_generator_class = NativeCodeGenerator
    expressions.concat = _value_or_text  # type: ignore[method-assign]
    return expressions


def _value_or_text(parts: Iterable[Any]) -> Any:
    """What Jinja's `native_concat` does, which then reads text as Python."""
    parts = list(parts)
    if len(parts) == 1 and not isinstance(parts[0], Undefined):  # as text, it may be an error
        return parts[0]
    return "".join(map(str, parts))


def _without_data(seen_oids: set[int], task: Any, context: Any) -> set[int]:
    """The ids of what must not be rendered, of a mapped task.

    Airflow (2.11 to 3.3.2) knows what `expand` has taken out of an XCom, but not what `expand_kwargs` has: it renders
    that as if it stood in the DAG file, so that a page which an earlier task has read could name a connection. And of
    an XCom within a row of `expand_kwargs` it says that it was resolved, which it was not.
    """
    mapped = mapped_task_of(task)
    if mapped is None:
        return seen_oids
    written, given = arguments_of(mapped), {name: getattr(task, name) for name in task.template_fields}
    if "op_kwargs" in written:
        written, given = written["op_kwargs"], task.op_kwargs
    seen_oids = seen_oids - {id(value) for value in given.values() if is_resolved_later(value)}
    rows, ti = rows_of(mapped), context["ti"]
    if isinstance(rows, (list, tuple)):
        rows = rows[ti.map_index]
    if is_resolved_later(rows):
        seen_oids |= {
            id(value) for name, value in given.items() if getattr(value, "written", value) is not written.get(name)
        }
    return seen_oids
