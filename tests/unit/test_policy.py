"""The headers that tell a browser what a page may do: on every page that Django can answer with."""

import re
from collections.abc import Callable

import pytest
from csp.decorators import csp_update
from csp.middleware import CSPMiddleware
from django.contrib.auth.models import User
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory

from board import views

pytestmark = pytest.mark.django_db
NONCE = re.compile(r"'nonce-([^']+)'")


def failing(error: Exception) -> Callable[..., HttpResponse]:
    def answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
        def fail(*arguments: object) -> None:
            raise error

        monkeypatch.setattr(views, "messages_after", fail)
        client.raise_request_exception = False
        return client.get("/board/lobby/messages")

    return answer


def posting_without_token(client: Client, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    client.handler.enforce_csrf_checks = True
    return client.post("/board/nickname")


def opening_a_form(client: Client, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    client.force_login(User.objects.create_superuser("mod"))
    return client.get("/admin/board/room/add/")


ANSWERS: dict[str, tuple[int, Callable[..., HttpResponse]]] = {
    "the board": (200, lambda client, _: client.get("/board/lobby/")),
    "JSON": (200, lambda client, _: client.get("/board/lobby/messages")),
    "the admin's login": (200, lambda client, _: client.get("/admin/login/")),
    "a form of the admin": (200, opening_a_form),
    "a redirect": (302, lambda client, _: client.get("/")),
    "another host": (400, lambda client, _: client.get("/", headers={"Host": "evil.example"})),
    "a missing token": (403, posting_without_token),
    "no such room": (404, lambda client, _: client.get("/board/nowhere/")),
    "no such address": (404, lambda client, _: client.get("/nowhere")),
    "another method": (405, lambda client, _: client.put("/board/lobby/")),
    "an error": (500, failing(RuntimeError("ours"))),
    "the database away": (503, failing(OperationalError("gone"))),
}


@pytest.fixture(params=ANSWERS)
def answer(request: pytest.FixtureRequest, client: Client, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    status, ask = ANSWERS[request.param]
    answer = ask(client, monkeypatch)
    assert answer.status_code == status
    return answer


def test_a_page_may_use_the_sites_own_files_and_nothing_else(answer: HttpResponse):
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    nonce = NONCE.search(policy["style-src"])
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' {nonce[0]}" if nonce else "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
    }


def test_a_page_has_nothing_inline_that_its_policy_forbids(answer: HttpResponse):
    page = answer.content.decode()
    assert not re.search(
        r"<script(?![^>]* src=)(?![^>]* type=.application/json)|<\w[^>]* (style|on\w+)=", page
    )
    nonce = NONCE.search(answer.headers["Content-Security-Policy"])
    styles = re.findall(r"<style([^>]*)>", page)
    assert styles == ([f' nonce="{nonce[1]}"'] if nonce else [])


def test_the_other_headers_agree_with_what_nginx_says_by_itself(answer: HttpResponse):
    expected = {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected


def test_a_nonce_is_used_once(client: Client):
    nonces = {NONCE.search(client.get("/nowhere").headers["Content-Security-Policy"])[1] for _ in range(5)}
    assert len(nonces) == 5


def test_a_view_of_ones_own_may_load_more(rf: RequestFactory):
    """As app/README.md says."""
    view = csp_update({"img-src": ["https://images.example"]})(lambda request: HttpResponse())
    policy = CSPMiddleware(view)(rf.get("/")).headers["Content-Security-Policy"]
    assert "img-src 'self' https://images.example;" in policy + ";"


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://a.example:8443", 200), ("https://a.example", 200), ("https://x.example", 403)],
)
def test_a_post_is_taken_from_the_sites_port_although_nginx_passes_the_host_without(
    settings, origin: str, status: int
):
    settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS = ["a.example"], ["https://a.example:8443"]
    client = Client(enforce_csrf_checks=True, headers={"Host": "a.example", "Origin": origin})
    page = client.get("/board/lobby/", secure=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())[1]
    headers = {"X-CSRFToken": token}
    answer = client.post("/board/nickname", {"nickname": "Grace"}, secure=True, headers=headers)
    assert answer.status_code == status


def test_the_redirect_to_https_has_a_policy(client: Client, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/board/lobby/")
    assert answer.status_code == 301
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_developer_gets_the_policy_too_but_not_on_djangos_own_error_page(client: Client, settings):
    settings.DEBUG = True
    assert "default-src 'none'" in client.get("/board/lobby/").headers["Content-Security-Policy"]
    assert "Content-Security-Policy" not in client.get("/nowhere").headers
