"""Messages over HTTP: sent as if from the hub, looked up, explained, tried again. For testers and operators.

    app.include_router(router(reception, clock, max_bytes=settings.messages.max_bytes))

The contract is the project's own (README, /docs). Errors are raised as `Problem` and answered as OperationOutcomes.
"""

from __future__ import annotations

from fastapi import APIRouter

from adapter.hub.looking import following, looking
from adapter.hub.reception import Reception
from adapter.hub.sending import deciding, sending
from adapter.ports import Clock


def router(
    reception: Reception,
    clock: Clock,
    *,
    max_bytes: int,
    hub: str = "http",
    prefix: str = "",
) -> APIRouter:
    """The routes /messages and /translate.

    `hub` is the channel that messages sent here are said to come from; `prefix` is the path that the service is reached under.
    """
    routes = APIRouter(tags=["Messages"])
    sending(routes, reception, clock, max_bytes=max_bytes, hub=hub, prefix=prefix)
    looking(routes, prefix)
    following(routes, reception)
    deciding(routes, reception)
    return routes
