"""Live means that the process answers; ready means that it can do its work."""

import pytest
from django.db import OperationalError, connection
from django.test import Client

from config import health


@pytest.mark.django_db
def test_ready_names_what_is_wrong(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "close", lambda: None)
    assert client.get("/readyz").json() == {"database": "ok", "migrations": "ok"}
    monkeypatch.setattr(health, "_migrations_applied", False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *arguments: ["one"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "some are not applied")


def test_live_touches_nothing_and_ready_says_that_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    def fail(*arguments: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", fail)
    assert client.get("/healthz", headers={"Host": "10.0.0.1"}).status_code == 200
    answer = client.get("/readyz", headers={"Host": "10.0.0.1"})
    assert (answer.status_code, answer.json()) == (503, {"database": "OperationalError"})


def test_redis_that_does_not_answer_is_not_ready(settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "cursor", _raise)
    settings.REDIS_URL = "redis://127.0.0.1:1"
    health.redis_client.cache_clear()
    assert health.readiness()["redis"] == "ConnectionError"
    health.redis_client.cache_clear()


def _raise(*arguments: object) -> None:
    raise OperationalError
