"""The live feed of a room: /ws/board/<room>/?after=<number of the last message the client has>."""

from functools import partial
from typing import Any

from board.models import Room, messages_after
from board.views import server
from realtime.feed_consumer import FeedConsumer, Source


class BoardConsumer(FeedConsumer):
    """Every message of a room, see FeedConsumer. Messages are posted over HTTP."""

    def find(self) -> Source | None:
        room = Room.objects.filter(slug=self.scope["url_route"]["kwargs"]["room"]).first()
        return room and Source(room.topic, room.last_seq, partial(messages_after, room))

    def hello(self) -> dict[str, Any]:
        return {"server": server()}
