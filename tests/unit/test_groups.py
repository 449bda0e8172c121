"""A consumer in groups leaves them, however it ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from realtime.consumers import GroupConsumer

# Channels looks after database connections on every event.
pytestmark = pytest.mark.django_db


class Talk(GroupConsumer):
    async def connect(self) -> None:
        await self.join("one")
        await self.join("two")
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        raise RuntimeError("on purpose")

    async def hello(self, event: dict) -> None:
        await self.send(event["text"])


@pytest.fixture
async def talk() -> AsyncIterator[WebsocketCommunicator]:
    layer = get_channel_layer()
    socket = WebsocketCommunicator(Talk.as_asgi(), "/")
    assert (await socket.connect())[0]
    assert [len(layer.groups[group]) for group in ("one", "two")] == [1, 1]
    await layer.group_send("two", {"type": "hello", "text": "hi"})
    assert await socket.receive_from() == "hi"
    yield socket
    assert not layer.groups.keys() & {"one", "two"}


async def test_a_consumer_that_fails_leaves_its_groups(talk: WebsocketCommunicator):
    await talk.send_to(text_data="x")
    with pytest.raises(RuntimeError, match="on purpose"):
        await talk.receive_from()


async def test_a_consumer_that_is_cancelled_leaves_its_groups(talk: WebsocketCommunicator):
    talk.future.cancel()
    await asyncio.wait([talk.future])
    assert talk.future.cancelled()


async def test_a_consumer_whose_client_goes_leaves_its_groups(talk: WebsocketCommunicator):
    await talk.disconnect()
