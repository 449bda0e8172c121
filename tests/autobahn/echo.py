"""An echo of frames on the product's WebSocket server: `python -m tests.autobahn.echo`."""

from collections.abc import Callable
from typing import Any

from realtime.server import serve


async def echo(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """ASGI application. Text comes back as text, bytes as bytes, and what is empty, empty."""
    while True:
        match await receive():
            case {"type": "websocket.connect"}:
                await send({"type": "websocket.accept"})
            case {"type": "websocket.receive", "text": str(text)}:
                await send({"type": "websocket.send", "text": text})
            case {"type": "websocket.receive", "bytes": content}:
                await send({"type": "websocket.send", "bytes": content})
            case _:
                return


if __name__ == "__main__":
    serve(echo)
