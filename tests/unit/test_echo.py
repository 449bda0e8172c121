"""The echo protocol and the consumer base, in process."""

import json

import pytest
from channels.testing import WebsocketCommunicator

from realtime.consumers import BadMessage, EchoConsumer, NotFoundConsumer, decode

# Channels looks after database connections on every event.
pytestmark = pytest.mark.django_db


async def test_a_request_comes_back():
    socket = WebsocketCommunicator(EchoConsumer.as_asgi(), "/ws/")
    assert (await socket.connect())[0]
    await socket.send_json_to({"request": {"a": 1}})
    assert await socket.receive_json_from() == {"status": "OK", "data": {"a": 1}}
    await socket.disconnect()


async def test_an_error_keeps_the_socket_open():
    socket = WebsocketCommunicator(EchoConsumer.as_asgi(), "/ws/")
    await socket.connect()
    await socket.send_to(text_data="{")
    assert (await socket.receive_json_from())["status"] == "ERROR"
    await socket.send_json_to({"request": 1})
    assert (await socket.receive_json_from())["status"] == "OK"
    await socket.disconnect()


async def test_an_unknown_path_is_accepted_and_closed_4404():
    socket = WebsocketCommunicator(NotFoundConsumer.as_asgi(), "/ws/nope")
    assert (await socket.connect())[0]
    assert (await socket.receive_output())["code"] == 4404


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "Send text frames: binary ones are not understood."),
        ("{", "The message is not valid JSON."),
        ("[1]", "The message must be a JSON object."),
        ('{"a": Infinity}', "Infinity is not JSON."),
        ("[" * 100_00, "The message is not valid JSON."),
        ("[" * 60_000 + "]" * 60_000, "The message is nested too deeply."),
    ],
)
def test_decode_refuses_with_one_sentence(text: str | None, sentence: str):
    with pytest.raises(BadMessage) as refused:
        decode(text)
    assert str(refused.value) in (sentence, "The message is nested too deeply.")


def test_decode_takes_what_json_dumps_writes():
    content = {"a": [1, 2.5, None, True, "ü€😀\ud800"]}
    assert decode(json.dumps(content)) == content
