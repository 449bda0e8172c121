from django.apps import AppConfig


class BoardConfig(AppConfig):
    """The example: a live message board. Delete it when you have your own app."""

    name = "board"
