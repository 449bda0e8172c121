"""The consumer that follows a feed: hello, what the client missed, then what comes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from realtime.consumers import BadMessage, JsonConsumer
from realtime.feed import Member, Row, feeds
from realtime.numbers import parse_after

POLICY = 1008
NO_SUCH_PLACE = 4404


@dataclass(frozen=True)
class Source:
    """What a feed is made of."""

    # The name that hints.publish() is given.
    topic: str
    # The number of the last row.
    last: int
    # Reads up to `limit` rows with numbers above `after`, in order: read(after, limit). Runs in a thread.
    read: Callable[[int, int], list[Row]]


def in_thread(function: Callable) -> Callable:
    """In any thread: database_sync_to_async alone has one for all, and a slow query holds them all up."""
    return database_sync_to_async(function, thread_sensitive=False)


class FeedConsumer(JsonConsumer):
    """Follows the feed that `find` finds, from the number that the address gives: ?after=<number>.

    Sends {"type": "hello", "last": <number>}, then each row as {"type": "message", "message": row}.
    {"type": "resync", "last": <number>} in their place says that the client is more than
    `max_replay` rows behind, and has to read them over HTTP first. Answers
    {"type": "ping", "id": X} with {"type": "pong", "id": X}.
    """

    max_replay = 500
    member: Member | None = None

    def find(self) -> Source | None:
        """What to follow; None for no such place. Runs in a thread: use the ORM as in a view."""
        raise NotImplementedError

    def hello(self) -> dict[str, Any]:
        """What else the first message says."""
        return {}

    async def connect(self) -> None:
        # Accept first: only an open socket can be told why it is closed.
        await self.accept()
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        try:
            after = parse_after(query.get("after", ["0"])[-1])
        except ValueError as error:
            await self.close(POLICY, str(error))
            return
        source = await in_thread(self.find)()
        if source is None:
            await self.close(NO_SUCH_PLACE, "There is no such place.")
            return
        await self.follow(source, after)

    async def follow(self, source: Source, after: int) -> None:
        await self.send_json({"type": "hello", "last": source.last, **self.hello()})
        if source.last - after > self.max_replay:
            await self.send_json({"type": "resync", "last": source.last})
            return
        self.topic = source.topic
        self.member = Member.of(self, min(after, source.last))
        await feeds.join(source.topic, in_thread(source.read), source.last, self.member)

    def ended(self) -> None:
        if self.member:
            feeds.leave(self.topic, self.member)

    async def receive_json(self, content: dict[str, Any]) -> None:
        if content.get("type") != "ping":
            raise BadMessage('Send {"type": "ping"}; messages are posted over HTTP.')
        await self.send_json({"type": "pong", "id": content.get("id")})
