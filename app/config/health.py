"""`/healthz`: this process answers. `/readyz`: and it can do its work. nginx passes neither from outside."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from realtime.hints import redis_client


def readiness() -> dict[str, str]:
    """What this process needs, each with "ok" or what is wrong with it. Blocks for some seconds at worst."""
    report = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        report["database"] = "ok"
        report["migrations"] = "ok" if _migrated() else "some are not applied"
    except Error as error:
        report["database"] = type(error).__name__
    finally:
        connection.close()
    if settings.REDIS_URL:
        try:
            redis_client().ping()
            report["redis"] = "ok"
        except redis.RedisError as error:
            report["redis"] = type(error).__name__
    return report


def is_ready(report: dict[str, str]) -> bool:
    return all(state == "ok" for state in report.values())


_migrations_applied = False


def _migrated() -> bool:
    """Whether the schema is as new as the code. Once it is, it stays so while this process lives."""
    global _migrations_applied
    if not _migrations_applied:
        executor = MigrationExecutor(connection)
        _migrations_applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrations_applied


class HealthMiddleware:
    """Answers before ALLOWED_HOSTS and the redirect to HTTPS, which a probe from inside would fail."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return JsonResponse({"live": True})
        if request.path == "/readyz":
            report = readiness()
            return JsonResponse(report, status=200 if is_ready(report) else 503)
        return self.get_response(request)
