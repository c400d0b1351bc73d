"""Ways to break off an answer, for servers that a tester makes fail."""

from __future__ import annotations

from typing import Any

from starlette.types import Message, Send


def hang_up(send: Send) -> None:
    """Close the connection as it is. `send` is the server's own, which no middleware has wrapped."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]  # uvicorn has no public way to hang up


async def into_nothing(_: Any) -> None:
    """An answer that nobody gets."""


def cut(send: Send) -> Send:
    """An answer that ends in the middle of its body: the length in its head is true, and half of that comes."""
    head: list[Message] = []

    async def half(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.append(message)
            return
        body = message.get("body", b"")
        if body:  # without one the head alone would be a whole answer
            await send(head.pop())
            await send({**message, "body": body[: len(body) // 2], "more_body": True})
        hang_up(send)

    return half
