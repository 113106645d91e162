"""Prometheus metrics. Labels are route templates, methods, statuses and projection names; never ids."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What one API process counts; each application has its own, so that tests and processes do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "coopschool_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "coopschool_http_request_seconds",
            "Time to answer",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.log_position = Gauge(
            "coopschool_log_position", "Position of the last event in the log", registry=self.registry
        )
        self.projection_position = Gauge(
            "coopschool_projection_position",
            "Last position a projection has taken in",
            ("projection",),
            registry=self.registry,
        )
        self.projection_healthy = Gauge(
            "coopschool_projection_healthy", "1 while a projection runs, 0 once an event stopped it", ("projection",),
            registry=self.registry,
        )  # fmt: skip
        # `labels()` costs as much as counting; there are few routes, so their children are remembered.
        self._counter = lru_cache(maxsize=4096)(self._requests.labels)
        self._timer = lru_cache(maxsize=1024)(self._seconds.labels)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._counter(method, route, status).inc()
        self._timer(method, route).observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
