"""What Daphne, Uvicorn and Granian serve: the application of Channels' tutorial."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  apps come before what imports models
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from consumers import FeedConsumer  # noqa: E402
from django.urls import path  # noqa: E402

websocket = URLRouter([path("ws/feed/", FeedConsumer.as_asgi())])
application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(websocket)),
    }
)
