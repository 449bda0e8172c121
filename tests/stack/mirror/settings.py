"""The product's settings, with the views of urls.py beside its own."""

from config.settings import *  # noqa: F403  as Django's documentation extends settings

ROOT_URLCONF = "tests.stack.mirror.urls"
