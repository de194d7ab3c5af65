"""A collector of StatsD: a UDP socket that keeps what it is sent."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass

LARGEST_DATAGRAM = 65536


@dataclass(frozen=True)
class Metric:
    """One line: `airflow.NAME,TAG=VALUE:VALUE|KIND`, as InfluxDB's Telegraf reads it."""

    name: str
    tags: dict[str, str]
    value: float
    kind: str

    @classmethod
    def of(cls, line: str) -> Metric:
        whole, _, measured = line.rpartition(":")
        name, *tags = whole.split(",")
        value, kind = measured.split("|")[:2]
        return cls(name.removeprefix("airflow."), dict(tag.split("=", 1) for tag in tags), float(value), kind)


class Collector:
    """Listens from when it is made until it is closed."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._lines: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def settings(self) -> dict[str, object]:
        """Of Airflow's configuration."""
        return {
            "metrics.statsd_on": True,
            "metrics.statsd_host": "127.0.0.1",
            "metrics.statsd_port": self.port,
            "metrics.statsd_influxdb_enabled": True,
            "metrics.metrics_allow_list": "browser_use",
        }

    def __len__(self) -> int:
        """How many metrics there were so far."""
        return len(self._lines)

    def seen(self, name: str, *, since: int = 0, **tags: str) -> list[Metric]:
        """The metrics of a name that have these tags, without those that were the first `since`."""
        metrics = [Metric.of(line) for line in self._lines[since:]]
        return [metric for metric in metrics if metric.name == name and tags.items() <= metric.tags.items()]

    def close(self) -> None:
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                self._lines += self._socket.recv(LARGEST_DATAGRAM).decode().splitlines()
            except OSError:
                return
