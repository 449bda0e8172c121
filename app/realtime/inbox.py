"""What a client sent and its consumer has not taken yet."""

import asyncio
from collections.abc import Callable
from typing import Any

# Messages. Enough to keep a consumer busy; the rest waits in the client's own socket.
LIMIT = 32


class Inbox:
    """Daphne's queue between protocol and consumer, with an end (django/daphne#170).

    When LIMIT messages wait it is full, and calls `room` as soon as the consumer has taken half.
    """

    __slots__ = ("full", "messages", "room", "taker")

    def __init__(self, room: Callable[[], None]):
        # A list is an eighth of a deque, and never long.
        self.messages: list[dict[str, Any]] = []
        self.room = room
        self.full = False
        self.taker: asyncio.Future[None] | None = None

    def put_nowait(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.full = self.full or len(self.messages) >= LIMIT
        if self.taker and not self.taker.done():
            self.taker.set_result(None)

    async def get(self) -> dict[str, Any]:
        """The next message; one taker at a time."""
        while not self.messages:
            self.taker = asyncio.get_running_loop().create_future()
            await self.taker
        self.taker = None
        message = self.messages.pop(0)
        if self.full and len(self.messages) <= LIMIT // 2:
            self.full = False
            self.room()
        return message
