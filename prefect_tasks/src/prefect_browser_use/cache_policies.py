"""Under which key Prefect keeps the result of a call, where results are persisted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefect.cache_policies import NO_CACHE, CachePolicy, Inputs
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger
from prefect.tasks import task_input_hash

from prefect_browser_use.credentials import BrowserUseCredentials


def policy_of(policy: Any) -> Any:
    """The policy that a task of this package has, for the one that its user chose."""
    if policy == NO_CACHE:
        return OfTaskRun()
    if isinstance(policy, CachePolicy) and not isinstance(policy, (OfTaskRun, OfArguments)):
        return OfArguments(policy=policy)
    return policy


@dataclass
class OfTaskRun(CachePolicy):
    """Each task run has a result of its own, which no other is given: two identical calls are two tasks.

    `NO_CACHE` would do the same, but without a key Prefect writes nothing, whatever `persist_result` says.
    """

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],  # noqa: ARG002 - Prefect's signature
        flow_parameters: dict[str, Any],  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> str | None:
        """The key; none where nothing is persisted, so that nothing is looked up."""
        return f"browser-use-{task_ctx.task_run.id}" if task_ctx.persist_result else None


@dataclass
class OfArguments(CachePolicy):
    """The user's policy, which sees only the arguments that the user gave."""

    policy: CachePolicy = field(default_factory=CachePolicy)

    def __post_init__(self) -> None:
        self.key_storage = self.policy.key_storage
        self.isolation_level = self.policy.isolation_level
        self.lock_manager = self.policy.lock_manager

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """The user's key. Warns where it cannot tell secrets apart, for Prefect masks them before it hashes them."""
        inputs = {name: value for name, value in (inputs or {}).items() if name != "_place"}
        if masked := self._masked(inputs):
            get_run_logger(task_ctx).warning(
                "The `cache_policy` of this task does not see the values of %s: a call with other ones is given the"
                " cached result of this one. Use no cache, or a `cache_key_fn` that names the account.",
                " and ".join(masked),
            )
        return self.policy.compute_key(task_ctx, inputs, flow_parameters, **kwargs)

    def _masked(self, inputs: dict[str, Any]) -> list[str]:
        parts = getattr(self.policy, "policies", [self.policy])
        hashes = any(
            isinstance(part, Inputs) or getattr(part, "cache_key_fn", None) is task_input_hash for part in parts
        )
        excluded = {name for part in parts if isinstance(part, Inputs) for name in part.exclude}
        inputs = {name: value for name, value in inputs.items() if name not in excluded}
        credentials = inputs.get("credentials")
        holds_key = isinstance(credentials, BrowserUseCredentials) and credentials.api_key is not None
        masked = {"`secrets`": inputs.get("secrets"), "`credentials`": holds_key}
        return [name for name, is_masked in masked.items() if hashes and is_masked]
