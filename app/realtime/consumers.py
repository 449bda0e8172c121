"""The consumer base, the echo protocol at /ws/, and the answer to every unknown path."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer


class BadMessage(ValueError):
    """A message the consumer can't use. Its sentence goes back to the client."""


def _refuse_constant(name: str) -> None:
    raise BadMessage(f"{name} is not JSON.")


def decode(text: str | None) -> dict[str, Any]:
    """The JSON object in a text frame.

    Raises BadMessage for a binary frame (`text` is None), malformed JSON, NaN and Infinity
    (json.loads takes them, browsers don't), nesting deeper than Python's stack, and any value but
    an object.
    """
    if text is None:
        raise BadMessage("Send text frames: binary ones are not understood.")
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
        self.scope = scope
        self.base_send = send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            self.ended()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the method that the message's type names.

        Channels' own first visits the one thread that all database work of the process shares, for
        every message: a slow query in any consumer stops them all. `database_sync_to_async` looks
        after the connections by itself.
        """
        await getattr(self, get_handler_name(message))(message)

    def ended(self) -> None:
        """Clean up. Called once however the socket ended; `disconnect()` is skipped after an error
        in a handler (django/channels#1466) and when the server cancels the consumer."""


class GroupConsumer(SocketConsumer):
    """A consumer in groups of the channel layer, as in Channels' tutorial, that leaves none behind.

    Join with `join()`; what `group_send` sends calls the method that its type names. A socket costs
    a subscription in Redis and every message a turn of each consumer: a feed costs neither.
    """

    channel_layer_alias = DEFAULT_CHANNEL_LAYER

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        self.joined: set[str] = set()
        try:
            await AsyncWebsocketConsumer.__call__(self, scope, receive, send)
        finally:
            self.ended()
            # Shielded: the server may be cancelling this very task.
            await asyncio.shield(asyncio.gather(*map(self.leave, list(self.joined))))

    async def join(self, group: str) -> None:
        self.joined.add(group)
        await self.channel_layer.group_add(group, self.channel_name)

    async def leave(self, group: str) -> None:
        self.joined.discard(group)
        await self.channel_layer.group_discard(group, self.channel_name)


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
