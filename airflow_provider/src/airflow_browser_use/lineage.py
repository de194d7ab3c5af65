"""What Airflow's asset events and OpenLineage learn of a remote task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset

from airflow_browser_use.compat import AssetRef
from airflow_browser_use.files import FILE_PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage


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


def openlineage(
    *, inputs: Sequence[str], outputs: Sequence[Any], remote: tuple[str, str] | None
) -> OperatorLineage[Any, Any]:
    """Where data comes from and goes to, and which remote task moved it.

    Importable only where OpenLineage's provider is installed, and called by nobody else.

    Args:
        inputs: Files that go in: paths, or URLs in object storage.
        outputs: Where what it leaves goes; what is None is left out.
        remote: The remote task's id and its server's base URL, once the try has one.
    """
    from airflow.providers.common.compat.openlineage.facet import ExternalQueryRunFacet
    from airflow.providers.openlineage.extractors import OperatorLineage

    facets = {"externalQuery": ExternalQueryRunFacet(externalQueryId=remote[0], source=remote[1])} if remote else {}
    return OperatorLineage(
        inputs=[_dataset(place) for place in inputs],
        outputs=[_dataset(str(place)) for place in outputs if place],
        run_facets=facets,
    )


def _dataset(place: str) -> Dataset:
    """A path or a URL as OpenLineage names it: without the connection that a URL may go through."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    protocol, is_url, rest = place.partition("://")
    if not is_url or protocol in FILE_PROTOCOLS:
        return Dataset(namespace="file", name=str(Path(rest if is_url else place).absolute()))
    bucket, _, key = rest.partition("/")
    return Dataset(namespace=f"{protocol}://{bucket.rpartition('@')[2]}", name=key)
