"""Answers to requests that no view could serve: JSON for a script, a page for a person."""

import sys

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


def refusal(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    """One clear sentence with its status, as JSON where the client asks for JSON."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, f"{status}.html", {"sentence": sentence}, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return refusal(
        request, 403, "This form has expired or came from another site. Reload the page and try again."
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, 404, "There is nothing here.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database is away: that is for the client to repeat, and nothing is lost."""
    if isinstance(sys.exc_info()[1], OperationalError):
        response = refusal(request, 503, "The database does not answer. Try again in a few seconds.")
        response.headers["Retry-After"] = "5"
        return response
    return refusal(request, 500, "Something went wrong on our side. It has been logged.")
