"""Feeds: numbered messages that reach every socket in order, once, without a gap.

A feed's messages are rows in the database with numbers 1, 2, 3 … A hint through the channel layer
says when to look; when hints get lost, a look every LOOKUP seconds finds what they announced.
Each process reads a new message once and encodes it once, whatever the number of its sockets.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import Error

from realtime import hints

log = logging.getLogger("feed")

# Seconds. How late a message is at most while Redis is away.
LOOKUP = 2.0
# Rows read at once.
PAGE = 100

# (number, encoded message)
Item = tuple[int, str]


def start(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that outlives the socket which caused it: its log lines carry no request id."""
    return asyncio.create_task(coroutine, context=Context())


class Reader(Protocol):
    """How a feed reads: up to `limit` messages with numbers above `after`, in order.

    Each is a dict with its number under "seq". Raises django.db.Error while the database is away.
    """

    async def __call__(self, after: int, limit: int) -> list[dict[str, Any]]: ...


@dataclass(eq=False)
class Member:
    """One socket in a feed, and the last number that was sent to it.

    It is live once it has caught up with its feed; until then it reads by itself.
    """

    send: Callable[[str], Awaitable[None]]
    number: int
    live: bool = False

    async def deliver(self, items: list[Item]) -> None:
        for number, text in items:
            if number > self.number:
                self.number = number
                await self.send(text)


class Feed:
    """One feed in this process: its sockets, and the task that moves them forward together."""

    def __init__(self, topic: str, reader: Reader, number: int):
        self.topic = topic
        self.reader = reader
        self.number = number
        self.members: set[Member] = set()
        self.wake = asyncio.Event()
        self.task = start(self.run())

    async def read(self, after: int) -> list[Item]:
        rows = await self.reader(after, PAGE)
        return [(row["seq"], json.dumps({"type": "message", "message": row})) for row in rows]

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOKUP):
                    await self.wake.wait()
            except TimeoutError:
                pass
            self.wake.clear()
            try:
                while items := await self.read(self.number):
                    self.number = items[-1][0]
                    for member in [member for member in self.members if member.live]:
                        await self.deliver(member, items)
            except Error as error:
                log.warning("%s waits for the database: %s", self.topic, type(error).__name__)
            except Exception:
                log.exception("%s could not be read", self.topic)

    async def deliver(self, member: Member, items: list[Item]) -> None:
        """A socket that fails is its own affair: it leaves, the others go on."""
        try:
            await member.deliver(items)
        except Exception:
            log.exception("a member of %s left", self.topic)
            self.members.discard(member)

    async def add(self, member: Member) -> None:
        """Bring a socket up to this feed's number, then let it go along."""
        self.members.add(member)
        while member.number < self.number:
            items = await self.read(member.number)
            if not items:
                break
            await member.deliver(items)
        # Nothing awaits between the last comparison and this line, so no number slips through.
        member.live = True


class Feeds:
    """All feeds of this process, each alive while it has members."""

    def __init__(self) -> None:
        self.by_topic: dict[str, Feed] = {}
        self.listener: asyncio.Task | None = None

    def on_hint(self, topic: str, number: int) -> None:
        feed = self.by_topic.get(topic)
        if feed and number > feed.number:
            feed.wake.set()

    async def join(self, topic: str, reader: Reader, latest: int, member: Member) -> None:
        """Send everything after `member.number`, then what comes, until `leave`.

        `latest` is the feed's number as just read from the database. Raises django.db.Error while
        the database is away.
        """
        if self.listener is None:
            self.listener = start(hints.listen(self.on_hint))
        feed = self.by_topic.get(topic)
        if feed is None:
            feed = self.by_topic[topic] = Feed(topic, reader, latest)
        elif latest > feed.number:
            feed.wake.set()
        await feed.add(member)

    def leave(self, topic: str, member: Member) -> None:
        """Idempotent, and right at any time: a socket may end before it has joined."""
        feed = self.by_topic.get(topic)
        if feed is None:
            return
        feed.members.discard(member)
        if not feed.members:
            feed.task.cancel()
            del self.by_topic[topic]

    async def close(self) -> None:
        """End all tasks of this process's feeds."""
        tasks = [feed.task for feed in self.by_topic.values()]
        if self.listener:
            tasks.append(self.listener)
        self.by_topic.clear()
        self.listener = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


feeds = Feeds()
