"""The peers speak WebSocket alone."""

urlpatterns: list = []
