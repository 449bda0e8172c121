"""The live feed of a room: /ws/board/<room>/?after=<number of the last message the client has>."""

from functools import partial
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from board.models import Room, messages_after
from board.views import BadInput, parse_after, server
from realtime.consumers import BadMessage, JsonConsumer
from realtime.feed import Member, feeds

# A client further behind than this fetches what it missed over HTTP, page by page.
MAX_REPLAY = 500


# Reads wait for no other consumer's queries; database_sync_to_async alone has one thread for all.
read = partial(database_sync_to_async, thread_sensitive=False)


class BoardConsumer(JsonConsumer):
    """hello, then every message after the client's number; answers `ping` with `pong`."""

    topic = ""

    async def connect(self) -> None:
        # Accept first: only an open socket can be told why it is closed.
        await self.accept()
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        try:
            after = parse_after(query.get("after", ["0"])[-1])
        except BadInput as error:
            await self.close(1008, str(error))
            return
        await self.follow(self.scope["url_route"]["kwargs"]["room"], after)

    async def follow(self, slug: str, after: int) -> None:
        """Say hello, then join the room's feed."""
        room = await read(Room.objects.filter(slug=slug).first)()
        if room is None:
            await self.close(4404, "There is no such room.")
            return
        await self.send_json({"type": "hello", "last": room.last_seq, "server": server()})
        if room.last_seq - after > MAX_REPLAY:
            await self.send_json({"type": "resync", "last": room.last_seq})
            return
        self.topic = room.topic
        self.member = Member.of(self, min(after, room.last_seq))
        reader = partial(read(messages_after), room)
        await feeds.join(room.topic, reader, room.last_seq, self.member)

    def ended(self) -> None:
        if self.topic:
            feeds.leave(self.topic, self.member)

    async def receive_json(self, content: dict[str, Any]) -> None:
        if content.get("type") != "ping":
            raise BadMessage('Send {"type": "ping"}; messages are posted over HTTP.')
        await self.send_json({"type": "pong", "id": content.get("id")})
