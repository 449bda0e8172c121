"""All the HTTP there is on the WebSocket server: `/healthz` and `/readyz`."""

import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async

from config.health import is_ready, readiness


async def health(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """ASGI application. Live costs no I/O; ready asks the database and Redis, off the event loop."""
    match scope["path"]:
        case "/healthz":
            status, body = 200, {"live": True, **scope.get("state", {})}
        case "/readyz":
            body = await sync_to_async(readiness, thread_sensitive=False)()
            draining = scope.get("state", {}).get("draining", False)
            status = 200 if is_ready(body) and not draining else 503
            body |= {"draining": draining}
        case _:
            status, body = 404, {"error": "This server speaks WebSocket."}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
