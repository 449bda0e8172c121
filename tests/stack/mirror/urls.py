"""Views that only tests ask: what reached Django, a view that fails, and one with headers of its own."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from config.logs import context
from config.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

OWN_HEADERS = {
    "Content-Security-Policy": "default-src 'self'",
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Permissions-Policy": "camera=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "max-age=7",
}


@csrf_exempt
def mirror(request: HttpRequest) -> HttpResponse:
    """What Django makes of a request, and what web logs of it."""
    return JsonResponse(
        context.get()
        | {
            "method": request.method,
            "scheme": request.scheme,
            "host": request.get_host(),
            "path": request.get_full_path(),
            "body": request.body.decode("latin-1"),
            "headers": list(request.headers.items()),
        }
    )


def failing(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("for a test")


def own(request: HttpRequest) -> HttpResponse:
    return HttpResponse("own", headers=OWN_HEADERS)


urlpatterns = [
    re_path(r"^mirror/", mirror),
    path("failing/", failing),
    path("own/", own),
    path("", include("config.urls")),
]
