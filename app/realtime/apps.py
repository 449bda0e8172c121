from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """Channels infrastructure that every project keeps; it has no models."""

    name = "realtime"
