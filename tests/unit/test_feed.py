"""Feeds: in order, once, without a gap, whatever happens to hints and to the database."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError

from realtime import feed as feed_module
from realtime.feed import Feeds, Member
from realtime.hints import GROUP


class Table:
    """Numbered rows, as a database table would hold them."""

    def __init__(self, count: int = 0):
        self.count = count
        self.away = False
        self.reads = 0
        self.refused = asyncio.Event()

    async def __call__(self, after: int, limit: int) -> list[dict]:
        self.reads += 1
        # A real read takes its time; everything else goes on meanwhile.
        await asyncio.sleep(0)
        if self.away:
            self.refused.set()
            raise OperationalError
        return [{"seq": n} for n in range(after + 1, min(self.count, after + limit) + 1)]


class Socket:
    """Remembers the numbers it was sent."""

    def __init__(self, after: int):
        self.numbers: list[int] = []
        self.arrived = asyncio.Event()
        self.member = Member(self.send, after)

    async def send(self, text: str) -> None:
        self.numbers.append(int(text.split('"seq": ')[1].split("}")[0]))
        self.arrived.set()

    async def reach(self, number: int) -> None:
        async with asyncio.timeout(5):
            while not self.numbers or self.numbers[-1] < number:
                self.arrived.clear()
                await self.arrived.wait()


@pytest.fixture
async def feeds(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Feeds]:
    monkeypatch.setattr(feed_module, "LOOKUP", 0.05)
    feeds = Feeds()
    yield feeds
    await feeds.close()


async def join(feeds: Feeds, table: Table, after: int) -> Socket:
    socket = Socket(after)
    await feeds.join("t", table, table.count, socket.member)
    return socket


def hint(feeds: Feeds, number: int) -> None:
    if feed := feeds.by_topic.get("t"):
        feed.on_hint({"seq": number})


async def test_a_socket_gets_what_it_missed_then_what_comes(feeds: Feeds):
    table = Table(250)
    socket = await join(feeds, table, 3)
    assert socket.numbers == list(range(4, 251))
    table.count = 253
    await socket.reach(253)
    assert socket.numbers == list(range(4, 254))


async def test_a_hint_is_faster_than_the_lookup(feeds: Feeds, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed_module, "LOOKUP", 3600)
    table = Table()
    socket = await join(feeds, table, 0)
    await asyncio.sleep(0)
    table.count = 1
    layer = get_channel_layer()
    async with asyncio.timeout(5):
        while not socket.numbers:
            await layer.group_send(GROUP, {"type": "hint", "topic": "t", "body": {"seq": 1}})
            await asyncio.sleep(0.01)
    assert socket.numbers == [1]


async def test_one_read_serves_all_sockets(feeds: Feeds, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed_module, "LOOKUP", 3600)
    table = Table()
    sockets = [await join(feeds, table, 0) for _ in range(100)]
    reads = table.reads
    table.count = 1
    hint(feeds, 1)
    for socket in sockets:
        await socket.reach(1)
    # The hint brought it.
    assert table.reads == reads
    table.count = 3
    hint(feeds, 3)
    for socket in sockets:
        await socket.reach(3)
    assert table.reads == reads + 1


async def test_an_outage_of_the_database_ends_nothing(feeds: Feeds):
    table = Table(1)
    socket = await join(feeds, table, 0)
    table.away = True
    table.count = 5
    for _ in range(3):
        table.refused.clear()
        await table.refused.wait()
    table.away = False
    await socket.reach(5)
    assert socket.numbers == [1, 2, 3, 4, 5]


async def test_a_failing_socket_leaves_and_the_others_go_on(feeds: Feeds):
    table = Table()
    good, bad = await join(feeds, table, 0), await join(feeds, table, 0)

    async def fail(text: str) -> None:
        raise ConnectionError

    bad.member.send = fail
    table.count = 2
    await good.reach(2)
    assert bad.member not in feeds.by_topic["t"].members
    assert good.numbers == [1, 2]


async def test_sockets_that_join_and_leave_while_messages_come_miss_and_repeat_nothing(feeds: Feeds):
    table = Table()

    async def grow() -> None:
        while table.count < 400:
            table.count += 1
            hint(feeds, table.count)
            await asyncio.sleep(0)

    growing = asyncio.create_task(grow())
    sockets = []
    for number in range(40):
        after = table.count // 2
        socket = await join(feeds, table, after)
        if number % 4 == 0:
            feeds.leave("t", socket.member)
        else:
            sockets.append((after, socket))
        await asyncio.sleep(0)
    await growing
    for after, socket in sockets:
        await socket.reach(400)
        assert socket.numbers == list(range(after + 1, 401))


async def test_the_last_socket_to_leave_ends_the_feed(feeds: Feeds):
    table = Table(1)
    socket = await join(feeds, table, 0)
    task = feeds.by_topic["t"].task
    feeds.leave("t", socket.member)
    feeds.leave("t", socket.member)
    assert feeds.by_topic == {}
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


class Wire(Socket):
    """A socket of our own server, whose client reads while `flushed` is set."""

    def __init__(self, after: int):
        super().__init__(after)
        self.flushed = asyncio.Event()
        self.flushed.set()
        self.member.socket, self.member.write = self, self.write

    @staticmethod
    def encode(text: str) -> bytes:
        return text.encode() + b"\n"

    def write(self, frames: bytes) -> bool:
        if not self.flushed.is_set():
            return False
        for line in frames.splitlines():
            self.numbers.append(json.loads(line)["message"]["seq"])
        self.arrived.set()
        return True

    async def writable(self) -> bool:
        await self.flushed.wait()
        return True

    async def send(self, text: str) -> None:
        await super().send(text)
        # Others have their turn meanwhile.
        await asyncio.sleep(0)
        await self.flushed.wait()


async def test_a_slow_reader_is_left_behind_and_catches_up_by_itself(feeds: Feeds):
    table = Table()
    quick, slow = Wire(0), Wire(0)
    for wire in (quick, slow):
        await feeds.join("t", table, 0, wire.member)
    table.count = 1
    hint(feeds, 1)
    await slow.reach(1)
    slow.flushed.clear()
    for number in range(2, 251):
        table.count = number
        hint(feeds, number)
        await quick.reach(number)
    assert slow.numbers == [1]
    slow.flushed.set()
    await slow.reach(250)
    # And goes along again.
    table.count = 251
    hint(feeds, 251)
    await slow.reach(251)
    assert slow.numbers == quick.numbers == list(range(1, 252))


async def test_a_socket_that_is_ahead_of_its_feed_gets_nothing_twice(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed_module, "LOOKUP", 3600)
    table = Table()
    behind, ahead = Wire(0), Wire(5)
    await feeds.join("t", table, 0, behind.member)
    await asyncio.sleep(0)
    # Five rows whose hints are still on their way; a client that has read them over HTTP joins.
    table.count = 5
    await feeds.by_topic["t"].add(ahead.member)
    for number in (1, 2, 3, 4, 5, 6):
        hint(feeds, number)
        await behind.reach(number)
    assert behind.numbers == [1, 2, 3, 4, 5, 6]
    assert ahead.numbers == [6]


async def test_hints_out_of_order_need_no_read_and_a_gap_needs_one(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed_module, "LOOKUP", 3600)
    table = Table()
    wire = Wire(0)
    await feeds.join("t", table, 0, wire.member)
    await asyncio.sleep(0)
    reads = table.reads
    table.count = 3
    for number in (3, 1, 2, 2, 1):
        hint(feeds, number)
    await wire.reach(3)
    assert table.reads == reads
    # 4 is lost.
    table.count = 6
    for number in (6, 5):
        hint(feeds, number)
    await wire.reach(6)
    assert table.reads == reads + 1
    assert wire.numbers == [1, 2, 3, 4, 5, 6]


async def test_hints_that_run_ahead_are_kept_up_to_a_page(feeds: Feeds, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feed_module, "LOOKUP", 3600)
    table = Table(1000)
    wire = Wire(1000)
    await feeds.join("t", table, 1000, wire.member)
    feed = feeds.by_topic["t"]
    table.count = 1500
    for number in range(1002, 1501):
        hint(feeds, number)
    assert len(feed.ahead) == feed_module.PAGE
    await wire.reach(1500)
    assert wire.numbers == list(range(1001, 1501))
    assert feed.ahead == {}
