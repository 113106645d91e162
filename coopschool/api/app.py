"""The application: routes, guards, failures and limits put together around one school."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

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
    """The routes put together, which takes a while and needs no school; then it serves one, and may serve another.

    Raises `ImproperlyConfiguredException` if a route does not say who may use it.
    """

    def __init__(self, handlers: Sequence[ControllerRouterHandler] = ROUTES, lifespan: Sequence[Lifespan] = ()) -> None:
        super().__init__(
            route_handlers=list(handlers),
            before_request=access.guard,
            request_class=ApiRequest,
            exception_handlers=dict(failures.HANDLERS),
            openapi_config=openapi.config(),
            lifespan=[*lifespan, _open_doors],
            logging_config=None,
            debug=False,
        )
        access.refuse_unguarded(self)
        access.learn_shapes(self)
        access.learn_methods(self)
        self._inside = self.asgi_handler

    def serving(self, school: CoopSchool, stopping: Callable[[], bool] = lambda: False) -> Self:
        """Serves this school from its next start on, with the edge around everything, unknown paths included.

        Shutting it down closes the school, which carries out the commands that wait. `stopping` says whether that is
        about to happen: answers without an end come to one.
        """
        metrics = Metrics()
        reads = Reads(school.database)
        self.asgi_handler = Edge(self._inside, metrics, Origins.of(school.settings))
        self.state = State(
            {
                "school": school,
                "reads": reads,
                "answer_box": AnswerBox(school),
                "metrics": metrics,
                "stopping": stopping,
                "sign_in": sign_in_for(school, reads),
            }
        )
        return self


@asynccontextmanager
async def _open_doors(app: Litestar) -> AsyncIterator[None]:
    school, reads = app.state.school, app.state.reads
    try:
        yield
    finally:
        # Draining answers requests of this very loop, so it must not block it.
        await asyncio.to_thread(school.close)
        reads.close()
