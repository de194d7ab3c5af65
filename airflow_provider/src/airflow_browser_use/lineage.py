"""What Airflow's asset events and OpenLineage learn of a remote task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset

from airflow_browser_use.compat import AssetRef
from airflow_browser_use.files import FILE_PROTOCOLS, as_list

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_browser_use.operators.task import BrowserUseTaskOperator
    from airflow_browser_use.remote import RemoteTask


def describe_asset_events(context: Context, value: dict[str, Any]) -> None:
    """Put `session_id`, `task_id` and `cost` (US dollars) into the `extra` of the events of the task's outlets.

    Args:
        context: Of the try.
        value: The XCom value.
    """
    for outlet in context["task"].outlets:
        if isinstance(outlet, (Asset, AssetRef)):
            told = {name: value[name] for name in ("session_id", "task_id", "cost")}
            context["outlet_events"][outlet].extra.update(told)


def openlineage(operator: BrowserUseTaskOperator, remote: RemoteTask | None) -> OperatorLineage[Any, Any]:
    """Where data comes from and goes to, and which remote task moved it.

    Importable only where OpenLineage's provider is installed, and called by nobody else.

    Args:
        operator: The operator, rendered.
        remote: Its remote task, once the try has one.
    """
    from airflow.providers.common.compat.openlineage.facet import ExternalQueryRunFacet
    from airflow.providers.openlineage.extractors import OperatorLineage

    facets = {}
    if remote and remote.task_id:
        source = remote.client.base_url
        facets["externalQuery"] = ExternalQueryRunFacet(externalQueryId=remote.task_id, source=source)
    result = (remote and remote.result) or {}
    outputs = [place for place in (operator.download_output_to, result.get("output_path")) if place]
    return OperatorLineage(
        inputs=[_dataset(file) for file in as_list(operator.files)],
        outputs=[_dataset(str(place)) for place in outputs],
        run_facets=facets,
    )


def _dataset(place: str) -> Dataset:
    """A path or an address as OpenLineage names it: without the connection that an address may go through."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    protocol, is_address, rest = place.partition("://")
    if not is_address or protocol in FILE_PROTOCOLS:
        return Dataset(namespace="file", name=str(Path(rest if is_address else place).absolute()))
    bucket, _, key = rest.partition("/")
    return Dataset(namespace=f"{protocol}://{bucket.rpartition('@')[2]}", name=key)
