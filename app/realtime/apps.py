from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save


class RealtimeConfig(AppConfig):
    """Channels infrastructure that every project keeps; it has no models."""

    name = "realtime"

    def ready(self) -> None:
        from realtime import auth

        user_logged_out.connect(auth.on_logout)
        post_save.connect(auth.on_change, sender=settings.AUTH_USER_MODEL)
        post_delete.connect(auth.on_change, sender=settings.AUTH_USER_MODEL)
