"""The page, posting, and catching up over HTTP. The live feed is in `board.consumers`."""

import secrets
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from board.models import MAX_NICKNAME, MAX_TEXT, Room, messages_after
from realtime.numbers import parse_after

ON_PAGE = 50
PAGE = 200


class BadInput(ValueError):
    """What the visitor sent can't be used; the sentence says why. `status` is the answer's."""

    def __init__(self, sentence: str, status: int = 400):
        super().__init__(sentence)
        self.status = status


def server() -> dict[str, str]:
    """Which server answers. The page shows it; take it out if your visitors need not know."""
    return {
        "role": settings.SERVER_ROLE,
        "instance": settings.INSTANCE,
        "release": settings.RELEASE,
    }


def clean(value: str, name: str, limit: int) -> str:
    """Text without surrounding space and without what PostgreSQL and terminals can't take."""
    value = value.strip()
    if not value:
        raise BadInput(f"The {name} is empty.")
    if len(value) > limit:
        raise BadInput(f"The {name} is too long: {limit} characters at most.", status=413)
    if any(ord(character) < 32 and character not in "\n\r\t" for character in value):
        raise BadInput(f"The {name} has control characters in it.")
    return value


@require_GET
def lobby(request: HttpRequest) -> HttpResponse:
    first = Room.objects.first()
    return redirect("room", slug=first.slug) if first else redirect("admin:board_room_add")


@cache_control(max_age=86400, public=True)
@require_GET
def icon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for the icon of a page that names none: the admin, a refusal."""
    return redirect(static("board/favicon.svg"))


@never_cache
@require_GET
def room(request: HttpRequest, slug: str) -> HttpResponse:
    room = get_object_or_404(Room, slug=slug)
    latest = list(room.messages.order_by("-seq")[:ON_PAGE])[::-1]
    return render(
        request,
        "board/room.html",
        {
            "room": room,
            "rooms": Room.objects.all(),
            "messages": latest,
            "last_seq": latest[-1].seq if latest else 0,
            "nickname": request.session.get("nickname", ""),
            "release": settings.RELEASE,
            "instance": settings.INSTANCE,
        },
    )


@never_cache
@require_http_methods(["GET", "POST"])
def messages(request: HttpRequest, slug: str) -> HttpResponse:
    room = Room.objects.filter(slug=slug).first()
    if room is None:
        return JsonResponse({"error": "There is no such room."}, status=404)
    try:
        return post(request, room) if request.method == "POST" else catch_up(request, room)
    except BadInput as error:
        return JsonResponse({"error": str(error)}, status=error.status)


def catch_up(request: HttpRequest, room: Room) -> HttpResponse:
    """A page of what came after a number: 200, with `more` while there is more."""
    try:
        after = parse_after(request.GET.get("after", "0"))
    except ValueError as error:
        raise BadInput(str(error)) from None
    page = messages_after(room, after, PAGE)
    reached = page[-1]["seq"] if page else after
    return JsonResponse(
        {
            "messages": page,
            "last": room.last_seq,
            "more": reached < room.last_seq,
            "server": server(),
        }
    )


def post(request: HttpRequest, room: Room) -> HttpResponse:
    """201 with the message and its number; 200 with the first one when the key was used before."""
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        raise BadInput("key must be a UUID, made anew for each message.") from None
    text = clean(request.POST.get("text", ""), "message", MAX_TEXT)
    if "nickname" not in request.session:
        request.session["nickname"] = f"guest-{secrets.token_hex(2)}"
    message, new = room.post(key, request.session["nickname"], text)
    return JsonResponse({"message": message.as_json(), "server": server()}, status=201 if new else 200)


@never_cache
@require_POST
def nickname(request: HttpRequest) -> HttpResponse:
    try:
        name = clean(request.POST.get("nickname", ""), "nickname", MAX_NICKNAME)
    except BadInput as error:
        return JsonResponse({"error": str(error)}, status=400)
    request.session["nickname"] = " ".join(name.split())
    return JsonResponse({"nickname": request.session["nickname"]})
