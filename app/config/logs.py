"""JSON lines on stdout, with the request id that nginx gave, in both servers."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

log = logging.getLogger("http")

# What every line says that is logged while a request or a socket is served.
context: ContextVar[dict[str, str]] = ContextVar("log_context")


class ContextFilter(logging.Filter):
    """Adds the current request's id and client address to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        for key, value in context.get({}).items():
            setattr(record, key, value)
        return True


class RequestLogMiddleware:
    """One line for each request that reaches Django: no query string, no body, no cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = context.set(
            {
                "request_id": request.headers.get("X-Request-ID", ""),
                "client": request.headers.get("X-Real-IP") or request.META.get("REMOTE_ADDR", ""),
            }
        )
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            log.info(
                "request",
                extra={
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                },
            )
            return response
        finally:
            context.reset(token)


def logging_config(debug: bool, level: str, role: str, instance: str, release: str) -> dict:
    """Django's LOGGING: plain lines for a developer, JSON for the machines that read production's."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "config.logs.ContextFilter"}},
        "formatters": {
            "plain": {"format": "%(levelname)s %(name)s: %(message)s"},
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "{levelname}{name}{message}",
                "style": "{",
                "rename_fields": {"levelname": "level", "name": "logger"},
                "static_fields": {"role": role, "instance": instance, "release": release},
                "timestamp": "time",
            },
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "filters": ["context"],
                "formatter": "plain" if debug else "json",
            }
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            # Propagate to the root instead of Django's and Gunicorn's own handlers.
            "django": {"handlers": [], "level": level},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "gunicorn.error": {"handlers": [], "level": level, "propagate": True},
            # The request line above says 4xx already; tracebacks of 5xx stay.
            "django.request": {"level": "ERROR"},
            "daphne": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
