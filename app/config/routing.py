"""Which consumer answers which WebSocket path."""

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from board.consumers import BoardConsumer
from realtime.auth import UserMiddleware
from realtime.consumers import EchoConsumer, NotFoundConsumer
from realtime.health import health
from realtime.middleware import DatabaseAwayMiddleware, OriginMiddleware, SocketLogMiddleware

websocket_urlpatterns = [
    path("ws/", EchoConsumer.as_asgi()),
    path("ws/board/<slug:room>/", BoardConsumer.as_asgi()),
    # Last: without it, each unknown path is a 500 and a traceback in the log.
    re_path(r"", NotFoundConsumer.as_asgi()),
]

application = ProtocolTypeRouter(
    {
        "websocket": SocketLogMiddleware(
            OriginMiddleware(
                DatabaseAwayMiddleware(UserMiddleware(URLRouter(websocket_urlpatterns))),
                settings.WEBSOCKET_ORIGINS,
            )
        ),
        # In production Gunicorn serves HTTP: no Django view can be reached through Daphne.
        "http": health if settings.SERVER_ROLE == "ws" else get_asgi_application(),
    }
)
