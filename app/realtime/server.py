"""The WebSocket server: `python -m realtime.server`. Daphne, with what its command line can't say."""

from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol

# Seconds. The timeout is below the interval: a second ping would overwrite the first one's timer
# and drop a healthy slow peer. nginx's proxy_read_timeout is longer than both together.
PING_INTERVAL = 25
PING_TIMEOUT = 20
# Daphne's and autobahn's 5 s cover the application's connect() too: a reconnect storm would time
# out in the queue.
CONNECT_TIMEOUT = 30
# Bytes. Larger than any answer of ours: autobahn holds outgoing messages to the same limit.
MAX_MESSAGE = 1024 * 1024


class Protocol(WebSocketProtocol):
    """Daphne's protocol, with close codes and reasons that reach the client."""

    def handle_reply(self, message: dict) -> None:
        if message.get("type") == "websocket.close" and self.state == self.STATE_OPEN:
            # sendClose() allows 1000 and 3000-4999 only; a server also needs 1008, 1012, 1013 …
            # (RFC 6455, 7.4.1). A reason is 123 bytes of UTF-8 at most (5.5).
            reason = (message.get("reason") or "").encode()[:123].decode(errors="ignore").encode()
            self.sendCloseFrame(code=message.get("code") or 1000, reasonUtf8=reason or None)
        else:
            super().handle_reply(message)


class RealtimeServer(Server):
    """Daphne's server with our protocol."""

    def ready(self) -> None:
        """Runs just before the reactor does, when the WebSocket factory exists."""
        self.ws_factory.protocol = Protocol
        # Too big a message is answered 1009 instead of a dropped connection (1006).
        self.ws_factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=5)


def main() -> None:
    """Serve `config.asgi` until SIGTERM."""
    from config import environment as env
    from config.asgi import application

    host, _, port = env.WS_BIND.rpartition(":")
    server = RealtimeServer(
        application=application,
        endpoints=[f"tcp:port={port}:interface={host}"],
        http_timeout=10,
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        # Its close is 1000, which tells a client to stay away.
        websocket_timeout=-1,
        websocket_connect_timeout=CONNECT_TIMEOUT,
        websocket_handshake_timeout=CONNECT_TIMEOUT,
        websocket_max_message_size=MAX_MESSAGE,
        websocket_max_frame_size=MAX_MESSAGE,
        # nginx overwrites it; X-Forwarded-For would be read from the end a client can write.
        proxy_forwarded_address_header="X-Real-IP",
        verbosity=0,
        server_name="",
        ready_callable=lambda: server.ready(),
    )
    server.run()


if __name__ == "__main__":
    main()
