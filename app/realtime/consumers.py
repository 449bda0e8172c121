"""The consumer base, the echo protocol at /ws/, and the answer to every unknown path."""

import json
from collections.abc import Callable
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

# Bytes of one message from a client. OWASP's WebSocket cheat sheet: 64 KiB at most.
MAX_MESSAGE = 64 * 1024


class BadMessage(ValueError):
    """A message the consumer can't use. Its sentence goes back to the client."""


def _refuse_constant(name: str) -> None:
    raise BadMessage(f"{name} is not JSON.")


def decode(text: str | None, limit: int = MAX_MESSAGE) -> dict[str, Any]:
    """The JSON object in a text frame.

    Raises BadMessage for a binary frame (`text` is None), more than `limit` bytes, malformed JSON,
    NaN and Infinity (json.loads takes them, browsers don't), nesting deeper than Python's stack,
    and any value but an object.
    """
    if text is None:
        raise BadMessage("Send text frames: binary ones are not understood.")
    if len(text.encode()) > limit:
        raise BadMessage(f"The message is too long: {limit} bytes at most.")
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except BadMessage:
        raise
    except RecursionError:
        raise BadMessage("The message is nested too deeply.") from None
    except ValueError:
        raise BadMessage("The message is not valid JSON.") from None
    if not isinstance(content, dict):
        raise BadMessage("The message must be a JSON object.")
    return content


class SocketConsumer(AsyncWebsocketConsumer):
    """A consumer without a channel of its own: what it sends comes from a feed, see `realtime.feed`.

    Channels subscribes one for every socket as it opens. That is a Redis subscription a socket, and
    no socket opens while Redis is away. No layer has this name, so Channels asks for none.
    """

    channel_layer_alias = "none"

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.ended()

    def ended(self) -> None:
        """Clean up. Called once however the socket ended; `disconnect()` is skipped after an error
        in a handler (django/channels#1466) and when the server cancels the consumer."""


class JsonConsumer(SocketConsumer):
    """A consumer of JSON objects that bad input cannot kill.

    Channels' own AsyncJsonWebsocketConsumer dies of the first malformed frame, without
    `disconnect()` (django/channels#2219). Override `receive_json` and `error`.
    """

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            await self.receive_json(decode(text_data))
        except BadMessage as error:
            await self.send_json(self.error(str(error)))

    async def receive_json(self, content: dict[str, Any]) -> None:
        """Handle one message. Raise BadMessage to answer it with a sentence."""
        raise NotImplementedError

    def error(self, sentence: str) -> dict[str, Any]:
        """The answer to a bad message; the socket stays open."""
        return {"type": "error", "error": sentence}

    async def send_json(self, content: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(content))


class EchoConsumer(JsonConsumer):
    """`{"request": X}` is answered `{"status": "OK", "data": X}`."""

    async def receive_json(self, content: dict[str, Any]) -> None:
        if "request" not in content:
            raise BadMessage('The message has no "request".')
        await self.send_json({"status": "OK", "data": content["request"]})

    def error(self, sentence: str) -> dict[str, Any]:
        return {"status": "ERROR", "error": sentence}


class NotFoundConsumer(SocketConsumer):
    """Closes 4404. Accepts first: a refused handshake gives a browser no code, only 1006."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(4404, "no such place")
