"""One WebSocket: Daphne's protocol, with close codes and reasons that reach the client."""

from typing import Any

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer

SERVICE_RESTART = 1012


class Protocol(WebSocketProtocol):
    """Daphne's protocol, which can also say what only a server says (RFC 6455, 7.4.1)."""

    def onConnect(self, request: Any) -> defer.Deferred[Any]:  # noqa: N802  autobahn's name
        # A connection from before the server stopped to listen: nginx asks another server.
        if self.factory.server_class.draining:
            raise ConnectionDeny(ConnectionDeny.SERVICE_UNAVAILABLE, "This server restarts")
        return super().onConnect(request)

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("type") == "websocket.close" and self.state == self.STATE_OPEN:
            self.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            super().handle_reply(message)

    def close(self, code: int, reason: str) -> None:
        """Send a close frame. autobahn's sendClose() would refuse 1001, 1008, 1012 and 1013."""
        # 123 bytes of UTF-8 at most (RFC 6455, 5.5).
        short = reason.encode()[:123].decode(errors="ignore").encode()
        self.sendCloseFrame(code=code, reasonUtf8=short or None)

    def go_away(self) -> None:
        """Say goodbye: 1012 on an open socket, 503 to a handshake that is not finished."""
        if self.state == self.STATE_OPEN:
            self.close(SERVICE_RESTART, "This server restarts")
        elif hasattr(self, "handshake_deferred"):
            self.handshake_deferred.errback(
                ConnectionDeny(ConnectionDeny.SERVICE_UNAVAILABLE, "This server restarts")
            )
            del self.handshake_deferred
            self.server.protocol_disconnected(self)
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
