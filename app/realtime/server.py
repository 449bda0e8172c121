"""The WebSocket server, `python -m realtime.server`: Daphne, with a goodbye to its sockets."""

import asyncio
import random
import sys
from functools import partial
from typing import Any

from daphne.server import Server
from twisted.internet import defer

from realtime.feed import EXTENSION
from realtime.inbox import Inbox
from realtime.protocol import Limits, Protocol
from realtime.transport import DirectTransport

# Seconds. The timeout is below the interval: a second ping would overwrite the first one's timer
# and drop a healthy slow peer. nginx's proxy_read_timeout is longer than both together.
PING_INTERVAL = 25
PING_TIMEOUT = 20
# Daphne's and autobahn's 5 s cover the application's connect() too: a reconnect storm would time
# out in the queue.
CONNECT_TIMEOUT = 30
# Connections that may wait to be accepted, if the kernel allows as many. Of a reconnect storm
# Twisted's 50 lose most, and each is tried again after a second at the earliest.
BACKLOG = 4096
# Seconds between two goodbyes at most: a handful of sockets need not take the whole drain.
LONGEST_PAUSE = 0.05


class RealtimeServer(Server):
    """Daphne's server, which bounds what its sockets hold and says goodbye to them before it goes.

    Stock Daphne drops every socket without a close frame at SIGTERM, and no `disconnect()` runs
    (django/daphne#38, #177); it buffers without end in both directions (django/daphne#170).
    """

    def __init__(self, *, drain_seconds: float, limits: Limits, max_sockets: int, **options: Any):
        super().__init__(**options, ready_callable=self.ready)
        self.drain_seconds = drain_seconds
        self.limits = limits
        self.max_sockets = max_sockets
        self.draining = False
        self.ports: list[Any] = []

    def ready(self) -> None:
        """Runs just before the reactor does, when the WebSocket factory exists."""
        self.ws_factory.protocol = Protocol
        self.ws_factory.setProtocolOptions(
            # What breaks the rules is answered with a code instead of a dropped connection (1006).
            failByDrop=False,
            closeHandshakeTimeout=5,
            # One more is answered 503.
            maxConnections=self.max_sockets,
        )
        Protocol.take_options(self.ws_factory)

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        port.transport = DirectTransport
        self.ports.append(port)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] != "websocket":
            scope["state"] = {"draining": self.draining, "sockets": self.ws_factory.getConnectionCount()}
            return super().create_application(protocol, scope)
        secure = (b"x-forwarded-proto", b"https") in scope["headers"]
        scope |= {
            "asgi": {"version": "3.0"},
            "scheme": "wss" if secure else "ws",
            "extensions": {EXTENSION: protocol},
        }
        protocol.inbox = Inbox(protocol.has_room)
        application = asyncio.ensure_future(
            self.application(scope, receive=protocol.inbox.get, send=partial(self.handle_reply, protocol))
        )
        application.add_done_callback(protocol.application_ended)
        self.connections[protocol]["application_instance"] = application
        return protocol.inbox

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """What a consumer's `send` does: it waits as long as the client doesn't read."""
        await super().handle_reply(protocol, message)
        if isinstance(protocol, Protocol):
            await protocol.writable()

    def kill_all_applications(self) -> defer.Deferred[None]:
        """What the reactor waits for before it stops; Daphne's own cancels every consumer here."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self.drain()))

    async def drain(self) -> None:
        """Listen no more, close every socket with 1012, and let every consumer end.

        The sockets go in random order, spread over `drain_seconds`, so that their clients don't
        arrive at the next server all at once.
        """
        self.draining = True
        for port in self.ports:
            await defer.maybeDeferred(port.stopListening).asFuture(asyncio.get_running_loop())
        sockets = [protocol for protocol in self.connections if isinstance(protocol, Protocol)]
        random.shuffle(sockets)
        for protocol in sockets:
            protocol.go_away()
            await asyncio.sleep(min(self.drain_seconds / len(sockets), LONGEST_PAUSE))
        await self.end_applications()

    async def end_applications(self) -> None:
        """Wait for the consumers, and cancel those that take longer than application_close_timeout."""
        running = {
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details
        }
        if running:
            _, late = await asyncio.wait(running, timeout=self.application_close_timeout)
            for application in late:
                application.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def serve(application: Any) -> None:
    """Serve an ASGI application on WS_BIND until SIGTERM. Exits 1 when it can't be listened on."""
    from config import environment as env

    host, _, port = env.WS_BIND.rpartition(":")
    server = RealtimeServer(
        drain_seconds=env.WS_DRAIN_SECONDS,
        limits=Limits(rate=env.WS_MESSAGE_RATE, age=env.WS_MAX_AGE),
        max_sockets=env.WS_MAX_SOCKETS,
        application=application,
        endpoints=[f"tcp:port={port}:interface={host}:backlog={BACKLOG}"],
        http_timeout=10,
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        # Its close is 1000, which tells a client to stay away.
        websocket_timeout=-1,
        websocket_connect_timeout=CONNECT_TIMEOUT,
        websocket_handshake_timeout=CONNECT_TIMEOUT,
        websocket_max_message_size=env.WS_MAX_MESSAGE,
        websocket_max_frame_size=env.WS_MAX_MESSAGE,
        # nginx overwrites it; X-Forwarded-For would be read from the end a client can write.
        proxy_forwarded_address_header="X-Real-IP",
        verbosity=0,
        server_name="",
    )
    server.run()
    if not server.ports:
        sys.exit(f"Nothing can listen on {env.WS_BIND}: it is taken, or not an address of this machine.")


def main() -> None:
    """Serve `config.asgi`."""
    from config.asgi import application

    serve(application)


if __name__ == "__main__":
    main()
