"""Prometheus metrics. Labels are route templates, methods, statuses and projection names; never ids."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from coopschool.command_bus import CommandBus
from projections.generations import Status

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


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
        self._log_position = self._gauge("log_position", "Position of the log's last event")
        self._waiting = self._gauge("commands_waiting", "Commands that wait for the command bus")
        self._bus = self._gauge("command_bus", "What the command bus has done since the start", "what")
        self._position = self._gauge("projection_position", "Last position that a projection took in", "projection")
        self._lag = self._gauge("projection_lag_events", "Events that a projection has not taken in", "projection")
        self._stopped = self._gauge("projection_stopped", "1 once an event stopped a projection", "projection")
        # `labels()` costs as much as counting; there are few routes, so their children are remembered.
        self._counter = lru_cache(maxsize=4096)(self._requests.labels)
        self._timer = lru_cache(maxsize=1024)(self._seconds.labels)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in METHODS else "other"
        self._counter(known, route, status).inc()
        self._timer(known, route).observe(seconds)

    def bus(self, bus: CommandBus) -> None:
        """Takes down what the command bus has done."""
        self._waiting.set(bus.waiting)
        for what in ("groups", "commands", "events", "failed", "rerun_alone", "lost_commits", "seconds_waited"):
            self._bus.labels(what).set(getattr(bus.figures, what))

    def projections(self, log_position: int, states: Iterable[Status]) -> None:
        """Takes down how far the projections are."""
        self._log_position.set(log_position)
        for state in states:
            self._position.labels(state.projection).set(state.position)
            self._lag.labels(state.projection).set(state.lag)
            self._stopped.labels(state.projection).set(state.stopped_position is not None)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"coopschool_{name}", says, labels, registry=self.registry)
