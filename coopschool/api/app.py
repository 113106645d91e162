"""The application: routes, guards, failures and limits put together around one school."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler

from coopschool.answer_box import AnswerBox
from coopschool.api import access, failures, openapi
from coopschool.api.edge import Edge
from coopschool.api.metrics import Metrics
from coopschool.api.origin import Origins
from coopschool.api.reads import Reads
from coopschool.api.request import ApiRequest
from coopschool.api.routes import ROUTES
from coopschool.api.sign_in import sign_in_for
from coopschool.application import CoopSchool

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class SchoolApp(Litestar):
    """Litestar with the edge around everything, unknown paths included."""

    def __init__(self, *, metrics: Metrics, origins: Origins, **config: Any) -> None:
        super().__init__(**config)
        self.asgi_handler = Edge(self.asgi_handler, metrics, origins)


def create_app(
    school: CoopSchool,
    *,
    handlers: Sequence[ControllerRouterHandler] = ROUTES,
    lifespan: Sequence[Lifespan] = (),
    stopping: Callable[[], bool] = lambda: False,
) -> Litestar:
    """The API of one school. Shutting the app down closes the school, which carries out the commands that wait.

    `stopping` says whether that is about to happen: answers without an end come to one.

    Raises `ImproperlyConfiguredException` if a route does not say who may use it.
    """
    metrics = Metrics()
    reads = Reads(school.database)

    @asynccontextmanager
    async def open_doors(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            # Draining answers requests of this very loop, so it must not block it.
            await asyncio.to_thread(school.close)
            reads.close()

    app = SchoolApp(
        metrics=metrics,
        origins=Origins.of(school.settings),
        route_handlers=list(handlers),
        before_request=access.guard,
        request_class=ApiRequest,
        exception_handlers=dict(failures.HANDLERS),
        openapi_config=openapi.config(),
        lifespan=[*lifespan, open_doors],
        logging_config=None,
        debug=False,
        state=State(
            {
                "school": school,
                "reads": reads,
                "answer_box": AnswerBox(school),
                "metrics": metrics,
                "stopping": stopping,
                "sign_in": sign_in_for(school, reads),
            }
        ),
    )
    access.refuse_unguarded(app)
    access.learn_shapes(app)
    access.learn_methods(app)
    return app
