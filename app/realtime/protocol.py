"""One WebSocket: Daphne's protocol, with an end to everything that a client could make grow."""

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any

from autobahn.websocket.protocol import PreparedMessage
from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer

from realtime.inbox import Inbox

MESSAGE_TOO_BIG = 1009
SERVICE_RESTART = 1012
SLOW_READER = 4408
TOO_MANY_MESSAGES = 4429

RESTARTS = "This server restarts"


@dataclass(frozen=True)
class Limits:
    """What one socket may do."""

    # Frames a second of any kind, and how many at once before that counts.
    rate: float = 50
    burst: int = 200
    # Frames of one message.
    fragments: int = 128
    # Seconds that a client may take to read what is buffered for it.
    patience: float = 10
    # Seconds a socket lives at most; each lives between 90 and 100 % of it.
    age: float = 86400


class Protocol(WebSocketProtocol):
    """Daphne's protocol, bounded in both directions and able to say why it closes.

    It is its transport's push producer: Twisted calls pauseProducing() when more than 64 KiB wait
    to be sent, and resumeProducing() when they are gone.
    """

    # As in DirectTransport: what each write reads.
    __slots__ = ("flushed", "state", "transport")

    # Set while the client does not read what is buffered for it.
    flushed: asyncio.Future[None] | None
    inbox: Inbox
    server: Any = None
    overdue: asyncio.TimerHandle | None = None
    # True once the client is not listened to any more.
    deaf = False

    @classmethod
    def take_options(cls, factory: Any) -> None:
        """Keep the factory's options once, for all sockets.

        autobahn copies 40 of them into each, and formats the list for a log line that nobody sees:
        3 KiB and 2 ms a socket.
        """
        for name in WebSocketProtocol.CONFIG_ATTRS:
            value = getattr(factory, name)
            setattr(cls, name, staticmethod(value) if callable(value) else value)
        cls.CONFIG_ATTRS = []

    def __init__(self) -> None:
        self.flushed = None
        super().__init__()

    def onConnect(self, request: Any) -> defer.Deferred[Any]:  # noqa: N802  autobahn's name
        # A connection from before the server stopped to listen: nginx asks another server.
        if self.factory.server_class.draining:
            raise ConnectionDeny(ConnectionDeny.SERVICE_UNAVAILABLE, RESTARTS)
        self.limits = self.factory.server_class.limits
        self.age = self.limits.age * random.uniform(0.9, 1)  # noqa: S311  no secret
        self.tokens = self.limits.burst
        self.refilled = time.monotonic()
        # Until now the HTTP channel was the producer; it isn't needed any more.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        return super().onConnect(request)

    # From the client to the consumer

    def processData(self) -> bool:  # noqa: N802  autobahn's name
        """Called again and again until it returns False, with all that was received in self.data."""
        if self.deaf:
            self.data = b""
            return False
        if self.inbox.full:
            self.transport.pauseProducing()
            return False
        return super().processData()

    def has_room(self) -> None:
        """The consumer has caught up: go on with what was received, and receive more."""
        if self.state != self.STATE_CLOSED:
            self.transport.resumeProducing()
            self.consumeData()

    def onFrameBegin(self) -> None:  # noqa: N802  autobahn's name
        now = time.monotonic()
        earned = (now - self.refilled) * self.limits.rate
        self.tokens = min(self.limits.burst, self.tokens + earned) - 1
        self.refilled = now
        if self.tokens < 0:
            self.refuse(TOO_MANY_MESSAGES, f"Send at most {self.limits.rate:g} messages a second")
        super().onFrameBegin()

    def onMessageBegin(self, isBinary: bool) -> None:  # noqa: N802, N803  autobahn's names
        self.fragments = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameEnd(self) -> None:  # noqa: N802  autobahn's name
        self.fragments += 1
        if self.fragments > self.limits.fragments:
            self.refuse(MESSAGE_TOO_BIG, f"Send a message in {self.limits.fragments} frames at most")
        super().onMessageFrameEnd()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803  autobahn's names
        # What comes after our close frame has no reader any more.
        if self.state == self.STATE_OPEN:
            super().onMessage(payload, isBinary)

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802  autobahn's name
        # autobahn also resets the connection after a close frame and its answer, which is no error.
        super().dropConnection(abort and not self.wasClean)

    def refuse(self, code: int, reason: str) -> None:
        """Close, and listen no more: only the end of the connection is awaited."""
        self.failedByMe = True
        self.deaf = True
        self.close(code, reason)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803  autobahn's names
        self.resumeProducing()
        # A handshake that was refused has no consumer.
        if self.server:
            super().onClose(wasClean, self.localCloseCode if self.closedByMe else code, reason)

    # From the consumer to the client

    @staticmethod
    def encode(payload: str | bytes) -> bytes:
        """A whole message in one frame, as it goes over the wire."""
        binary = isinstance(payload, bytes)
        data = payload if binary else payload.encode()
        return PreparedMessage(data, binary, applyMask=False, doNotCompress=True).payloadHybi

    def write(self, frames: bytes) -> bool:
        """Send encoded frames, unless the socket is closed or its client does not keep up."""
        if self.flushed or self.state != self.STATE_OPEN:
            return False
        self.transport.write(frames)
        return True

    async def writable(self) -> bool:
        """Wait until the client has read what is buffered for it. False when the socket is closed."""
        if self.flushed:
            await asyncio.shield(self.flushed)
        return self.state == self.STATE_OPEN

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        # Twisted says so again at each write to a full buffer, such as a pong or a close frame.
        if self.flushed is None:
            loop = asyncio.get_running_loop()
            self.flushed = loop.create_future()
            self.overdue = loop.call_later(self.limits.patience, self.too_slow)

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        if self.overdue:
            self.overdue.cancel()
            self.overdue = None
        if self.flushed:
            self.flushed.set_result(None)
            self.flushed = None

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        """The connection is lost: nobody has to wait any longer."""
        self.resumeProducing()

    def too_slow(self) -> None:
        self.refuse(SLOW_READER, "Read faster: what is sent to this socket piles up")
        self.resumeProducing()

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Do what a consumer says. What it says to a closed socket is nothing to anyone."""
        kind = message["type"]
        if self.state == self.STATE_CONNECTING and kind == "websocket.accept":
            headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message.get("headers", ())
            }
            self.handshake_deferred.callback((message.get("subprotocol"), headers))
            del self.handshake_deferred
        elif self.state == self.STATE_OPEN and kind == "websocket.send":
            text = message.get("text")
            self.transport.write(self.encode(message["bytes"] if text is None else text))
        elif self.state == self.STATE_OPEN and kind == "websocket.close":
            self.close(message.get("code") or 1000, message.get("reason") or "")
        elif self.state == self.STATE_CONNECTING:
            super().handle_reply(message)

    def application_ended(self, application: asyncio.Future[None]) -> None:
        """A consumer that returns without a close leaves nobody to read its socket."""
        if self.state == self.STATE_OPEN and not application.cancelled() and not application.exception():
            self.close(1000, "")

    def close(self, code: int, reason: str) -> None:
        """Send a close frame. autobahn's sendClose() would refuse 1001, 1008, 1012 and 1013."""
        # 123 bytes of UTF-8 at most (RFC 6455, 5.5).
        short = reason.encode()[:123].decode(errors="ignore").encode()
        self.sendCloseFrame(code=code, reasonUtf8=short or None)

    def go_away(self) -> None:
        """Say goodbye: 1012 on an open socket, 503 to a handshake that is not finished."""
        if self.state == self.STATE_OPEN:
            self.close(SERVICE_RESTART, RESTARTS)
        elif hasattr(self, "handshake_deferred"):
            self.handshake_deferred.errback(ConnectionDeny(ConnectionDeny.SERVICE_UNAVAILABLE, RESTARTS))
            del self.handshake_deferred
            self.server.protocol_disconnected(self)
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})

    def check_timeouts(self) -> None:
        """Called every two seconds."""
        if self.state == self.STATE_OPEN and self.duration() > self.age:
            self.close(SERVICE_RESTART, "This socket has reached its age; connect again")
        super().check_timeouts()
