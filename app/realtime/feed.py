"""Feeds: numbered messages that reach every socket in order, once, without a gap.

A feed's messages are rows in the database with numbers 1, 2, 3 … A hint through the channel layer
brings the next one; where one is missing the database is asked, and a look-up every LOOKUP seconds
finds what lost hints announced. Each process encodes a message once for all its sockets.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import Error

from realtime.consumers import SocketConsumer
from realtime.hints import listener, start

log = logging.getLogger("feed")

# Seconds. With the read, a message is at most 2 s late while Redis is away.
LOOKUP = 1.5
# Rows read at once, and rows kept that arrived before the one that is next.
PAGE = 100
# Sockets written to before anything else in this process has its turn: some 5 ms.
TURN = 500

# Under this name our server puts a socket's Protocol among the ASGI extensions of the scope.
EXTENSION = "realtime.socket"

# A message, with its number under "seq".
Row = dict[str, Any]


class Reader(Protocol):
    """How a feed reads: up to `limit` rows with numbers above `after`, in order.

    Raises django.db.Error while the database is away.
    """

    async def __call__(self, after: int, limit: int) -> list[Row]: ...


class Batch:
    """Rows that follow one another, encoded once for all sockets."""

    def __init__(self, rows: list[Row]):
        self.texts = [(row["seq"], json.dumps({"type": "message", "message": row})) for row in rows]
        self.last = rows[-1]["seq"]
        self.framed: dict[int, bytes] = {}

    def texts_after(self, number: int) -> list[str]:
        return [text for seq, text in self.texts if seq > number]

    def frames_after(self, number: int, encode: Callable[[str], bytes]) -> bytes:
        """All at once, as they go over the wire. Nearly every socket has the same number."""
        self.framed[number] = b"".join(map(encode, self.texts_after(number)))
        return self.framed[number]


@dataclass(eq=False, slots=True)
class Member:
    """One socket in a feed, and the last number that was sent to it.

    It is live once it has caught up with its feed; until then it reads by itself. So a client that
    reads slowly costs no memory: it is left behind, and catches up when it has read what it got.
    """

    send: Callable[[str], Awaitable[None]]
    number: int
    # The server's own socket, when it is ours, and its write(): no turn of the consumer.
    socket: Any = None
    write: Callable[[bytes], bool] | None = None
    live: bool = False

    @classmethod
    def of(cls, consumer: SocketConsumer, number: int) -> "Member":
        """The member that a consumer is, from the last number its client has."""
        socket = consumer.scope.get("extensions", {}).get(EXTENSION)
        return cls(consumer.send, number, socket, socket and socket.write)

    def push(self, batch: Batch) -> bool:
        """Send at once. False, and nothing is sent, when the client doesn't keep up or is gone."""
        if self.number >= batch.last:
            return True
        frames = batch.framed.get(self.number) or batch.frames_after(self.number, self.socket.encode)
        if not self.write(frames):
            return False
        self.number = batch.last
        return True

    async def deliver(self, batch: Batch) -> None:
        """Send, and wait as long as the client doesn't read."""
        for text in batch.texts_after(self.number):
            await self.send(text)
        self.number = max(self.number, batch.last)


class Feed:
    """One feed in this process: its sockets, and the task that moves them forward together."""

    def __init__(self, topic: str, reader: Reader, number: int):
        self.topic = topic
        self.reader = reader
        self.number = number
        # In the order they came, which is roughly the order in which their memory was taken.
        self.members: dict[Member, None] = {}
        # Hinted rows that this feed has not sent yet, by number.
        self.ahead: dict[int, Row] = {}
        self.must_look = False
        self.wake = asyncio.Event()
        listener.add(topic, self.on_hint)
        self.task = start(self.run())

    def on_hint(self, row: Row) -> None:
        if row["seq"] > self.number and len(self.ahead) < PAGE:
            self.ahead[row["seq"]] = row
            self.wake.set()

    def look(self) -> None:
        """Ask the database now."""
        self.must_look = True
        self.wake.set()

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOKUP):
                    await self.wake.wait()
            except TimeoutError:
                self.must_look = True
            self.wake.clear()
            try:
                while rows := await self.next_rows():
                    self.number = rows[-1]["seq"]
                    await self.deliver(Batch(rows))
            except Error as error:
                log.warning("%s waits for the database: %s", self.topic, type(error).__name__)
            except Exception:
                log.exception("%s could not be read", self.topic)

    async def next_rows(self) -> list[Row]:
        """What comes after this feed's number: hinted rows, or the database's where one is missing."""
        rows = []
        while row := self.ahead.pop(self.number + 1 + len(rows), None):
            rows.append(row)
        if rows:
            return rows
        self.ahead = {number: row for number, row in self.ahead.items() if number > self.number}
        if not self.ahead and not self.must_look:
            return []
        self.must_look = False
        rows = await self.reader(self.number, PAGE)
        if not rows:
            self.ahead.clear()
        self.must_look = self.must_look or len(rows) == PAGE
        return rows

    async def deliver(self, batch: Batch) -> None:
        members = list(self.members)
        for first in range(0, len(members), TURN):
            if first:
                await asyncio.sleep(0)
            for member in members[first : first + TURN]:
                if member.live and not (member.write and member.push(batch)):
                    await self.deliver_to(member, batch)

    async def deliver_to(self, member: Member, batch: Batch) -> None:
        """To a socket that can't be written to at once. If it fails it leaves, and the others go on."""
        try:
            if member.write:
                member.live = False
                start(self.return_to(member))
            else:
                await member.deliver(batch)
        except Exception:
            log.exception("a member of %s left", self.topic)
            self.members.pop(member, None)

    async def return_to(self, member: Member) -> None:
        """Wait until a client has read what it got, then catch up."""
        while await member.socket.writable() and member in self.members:
            try:
                await self.catch_up(member)
                return
            except Error:
                await asyncio.sleep(LOOKUP)
            except Exception:
                log.exception("a member of %s left", self.topic)
                self.members.pop(member, None)

    async def add(self, member: Member) -> None:
        self.members[member] = None
        await self.catch_up(member)

    async def catch_up(self, member: Member) -> None:
        """Bring a socket up to this feed's number by itself, then let it go along."""
        while member.number < self.number:
            rows = await self.reader(member.number, PAGE)
            if not rows:
                break
            await member.deliver(Batch(rows))
        # Nothing awaits between the last comparison and this line, so no number slips through.
        member.live = True


class Feeds:
    """All feeds of this process, each alive while it has members."""

    def __init__(self) -> None:
        self.by_topic: dict[str, Feed] = {}

    async def join(self, topic: str, reader: Reader, latest: int, member: Member) -> None:
        """Send everything after `member.number`, then what comes, until `leave`.

        `latest` is the feed's number as just read from the database. Raises django.db.Error while
        the database is away.
        """
        feed = self.by_topic.get(topic)
        if feed is None:
            feed = self.by_topic[topic] = Feed(topic, reader, latest)
        elif latest > feed.number:
            feed.look()
        await feed.add(member)

    def leave(self, topic: str, member: Member) -> None:
        """Idempotent, and right at any time: a socket may end before it has joined."""
        feed = self.by_topic.get(topic)
        if feed is None:
            return
        feed.members.pop(member, None)
        if not feed.members:
            self.end(feed)

    def end(self, feed: Feed) -> None:
        feed.task.cancel()
        listener.remove(feed.topic)
        del self.by_topic[feed.topic]

    async def close(self) -> None:
        """End all tasks of this process's feeds."""
        tasks = [feed.task for feed in self.by_topic.values()]
        for feed in list(self.by_topic.values()):
            self.end(feed)
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.close()


feeds = Feeds()
