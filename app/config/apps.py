from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The project itself, as an app: it brings the system checks and the command `prepare`."""

    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401  registers them
