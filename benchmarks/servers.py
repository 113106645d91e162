"""The servers that are compared, each in a process of its own: ``python -m benchmarks.servers KIND PORT DATA_DIR``.

All run the same Granian settings, edge (correlation, limits, log line, metrics), token check and body decoding:

- ``ours``: the API as it is;
- ``empty``: a handler with nothing behind it;
- ``stock``: the library's stock application behind the same route.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from litestar import Litestar, post

from benchmarks.stock import EnrolBody, StockSchool, environment, route
from coopschool.api import access
from coopschool.api.app import create_app
from coopschool.api.request import ApiRequest
from coopschool.application import CoopSchool
from coopschool.database import Database
from coopschool.settings import Settings


@post("/api/sessions/{session_id:str}/enrolments", roles=access.may("member", "coordinator"), status_code=201)
async def nothing(request: ApiRequest, session_id: str, data: EnrolBody) -> dict[str, Any]:
    """What the same request costs with nothing behind it."""
    return {"status": "confirmed", "position": 1}


def make() -> Litestar:
    """The application that the environment asks for."""
    import structlog, logging, sys, msgspec
    structlog.configure(cache_logger_on_first_use=True, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer(serializer=lambda d, **k: msgspec.json.encode(d))], logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer))
    sys.setswitchinterval(float(os.environ.get("SWI", "0.005")))
    kind = os.environ["BENCHMARK_KIND"]
    settings = Settings(data_dir=Path(os.environ["BENCHMARK_DATA_DIR"]))
    database = Database.open(settings)
    school = CoopSchool(database, settings)
    if kind == "ours":
        return create_app(school)
    if kind == "empty":
        return create_app(school, handlers=[nothing])
    return create_app(school, handlers=[route(StockSchool(environment(database.url("owner"), database.schema)))])


if __name__ == "__main__":
    _, os.environ["BENCHMARK_KIND"], port, os.environ["BENCHMARK_DATA_DIR"] = sys.argv
    from granian import Granian

    Granian("benchmarks.servers:make", address="127.0.0.1", port=int(port), interface="asgi", factory=True, log_access=False, log_level="warning").serve()
