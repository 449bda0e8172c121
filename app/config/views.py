"""Answers to requests that no view could serve: JSON for a script, a page for a person."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


def refusal(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    """One clear sentence with its status, as JSON where the client asks for JSON."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, "refusal.html", {"title": title, "sentence": sentence}, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or old, or another site sent it."""
    sentence = "This form has expired or came from another site. Reload the page and try again."
    return refusal(request, 403, "Not accepted", sentence)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, 400, "Not understood", "The request can't be understood.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, 403, "Not allowed", "You may not see this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, 404, "Nothing here", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database is away: that is for the client to repeat, and nothing is lost."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        sentence = "The database does not answer. Try again in a few seconds."
        response = refusal(request, 503, "Back in a moment", sentence)
        response.headers["Retry-After"] = "5"
        return response
    sentence = "The error is on our side and has been recorded. Try again in a moment."
    return refusal(request, 500, "Something went wrong", sentence)
