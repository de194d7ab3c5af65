"""A collector of OpenTelemetry: OTLP over HTTP, as far as metrics go."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


@dataclass(frozen=True)
class Point:
    """A counter by how much it grew, or a histogram by how many values it got."""

    name: str
    tags: dict[str, str]
    value: float
    kind: str


class OtlpCollector:
    """Listens from when it is made until it is closed."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/metrics":
                    collector.points += _points_of(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def settings(self) -> dict[str, object]:
        """Of Airflow's configuration; host and port are read below 3.2."""
        return {
            "metrics.otel_on": True,
            "metrics.otel_host": "127.0.0.1",
            "metrics.otel_port": self.port,
            "metrics.metrics_allow_list": "browser_use",
        }

    @property
    def environment(self) -> dict[str, str]:
        """OpenTelemetry's own. Each task is a process: deltas can be added up over all of them."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        }

    def sum(self, name: str, **tags: str) -> float:
        """What the points of a name come to that have these tags."""
        return sum(
            point.value
            for point in self.points
            if point.name == f"airflow.{name}" and tags.items() <= point.tags.items()
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _points_of(request: ExportMetricsServiceRequest) -> list[Point]:
    found = []
    for resource in request.resource_metrics:
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            kind = metric.WhichOneof("data")
            for point in getattr(metric, kind).data_points:
                value = point.count if "histogram" in kind else (point.as_double or point.as_int)
                tags = {tag.key: tag.value.string_value for tag in point.attributes}
                found.append(Point(metric.name, tags, float(value), kind))
    return found
