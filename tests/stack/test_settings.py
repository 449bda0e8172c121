"""What an operator can set, and the one sentence that answers what cannot work."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.stack.containers import Containers
from tests.stack.visitor import receive

pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def behind_a_proxy() -> Iterator[Containers]:
    """A site with two names behind a proxy that ends TLS: here, the test itself on the bridge."""
    stack = Containers(
        DOMAIN="example.com,www.example.com",
        TLS="off",
        TRUSTED_PROXIES="172.16.0.0/12,10.0.0.0/8,192.168.0.0/16",
    )
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


HTTPS = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
VISITOR = {"Host": "example.com"} | HTTPS


def test_the_first_name_of_domain_is_served(behind_a_proxy: Containers):
    answer = httpx.get(f"{behind_a_proxy.url}/board/lobby/", headers=VISITOR)
    assert answer.status_code == 200
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]


def test_every_other_name_of_domain_is_redirected_to_the_first(behind_a_proxy: Containers):
    answer = httpx.get(
        f"{behind_a_proxy.url}/board/lobby/?after=3", headers=VISITOR | {"Host": "www.example.com"}
    )
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://example.com/board/lobby/?after=3"


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_other_name_is_refused(behind_a_proxy: Containers, host: str):
    assert httpx.get(behind_a_proxy.url, headers=VISITOR | {"Host": host}).status_code == 421


def test_plain_http_is_redirected_to_https(behind_a_proxy: Containers):
    answer = httpx.get(f"{behind_a_proxy.url}/board/lobby/", headers=VISITOR | {"X-Forwarded-Proto": "http"})
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://example.com/board/lobby/")


def test_cookies_are_secure_and_the_client_is_who_the_proxy_says(behind_a_proxy: Containers):
    answer = httpx.get(f"{behind_a_proxy.url}/board/lobby/?who", headers=VISITOR)
    assert all("Secure" in cookie for cookie in answer.headers.get_list("Set-Cookie"))
    assert [line for line in behind_a_proxy.logs("web") if '"client": "203.0.113.7"' in line]


def test_a_socket_in_clear_is_refused_rather_than_redirected(behind_a_proxy: Containers):
    plain = VISITOR | {"X-Forwarded-Proto": "http", "Upgrade": "websocket", "Connection": "Upgrade"}
    assert httpx.get(f"{behind_a_proxy.url}/ws/", headers=plain).status_code == 403


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [("https://example.com", True), ("http://example.com", False), ("https://example.com:8443", False)],
)
def test_sockets_open_from_the_public_origin_only(behind_a_proxy: Containers, origin: str, accepted: bool):
    port = int(behind_a_proxy.settings["HTTP_PORT"])

    def echo() -> dict:
        # The library sends the Host of the URL; the proxy in front would send the public one.
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            connect(
                "ws://example.com/ws/", sock=connection, origin=origin, additional_headers=HTTPS
            ) as client,
        ):
            client.send('{"request": 1}')
            return receive(client)

    if accepted:
        assert echo()["status"] == "OK"
    else:
        with pytest.raises(InvalidStatus):
            echo()


REFUSED = {
    "DOMAIN with a scheme": ({"DOMAIN": "https://example.com"}, "DOMAIN must be a host name"),
    "DOMAIN with a port": ({"DOMAIN": "example.com:8000"}, "DOMAIN must be a host name"),
    "proxies without a domain": ({"TRUSTED_PROXIES": "10.0.0.1"}, "set DOMAIN"),
    "proxies that are none": (
        {"DOMAIN": "example.com", "TLS": "off", "TRUSTED_PROXIES": "balancer"},
        "TRUSTED_PROXIES must be addresses",
    ),
    "a database of another kind": ({"DATABASE_URL": "oracle-ish://x"}, "DATABASE_URL"),
    "SQLite": ({"DATABASE_URL": "sqlite:////tmp/x"}, "must name a PostgreSQL database"),
    "a port that is none": ({"WEB_WORKERS": "many"}, "WEB_WORKERS"),
    "a database that isn't there": (
        {"DATABASE_URL": "postgres://app@nowhere:5432/app"},
        "The database has not answered",
    ),
}


@pytest.mark.parametrize(("settings", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_setting_that_cannot_work_is_refused_in_one_sentence(settings: dict[str, str], sentence: str):
    stack = Containers(**settings)
    role = "web" if "WEB_WORKERS" in settings else "migrate"
    command = ["python", "manage.py", "prepare", "--wait", "1"]
    if role == "web":
        command = ["gunicorn", "--config", "python:config.gunicorn", "config.wsgi"]
    try:
        stack.compose("run", "--rm", "secrets")
        done = stack.compose("run", "--rm", "--no-deps", role, *command, check=False)
        output = done.stdout + done.stderr
        assert done.returncode == 1, output
        assert sentence in output
        assert "Traceback" not in output
    finally:
        stack.down()


def test_up_fails_and_says_why_when_a_setting_cannot_work():
    stack = Containers(DOMAIN="https://example.com")
    try:
        with pytest.raises(RuntimeError, match=r"migrate.*exit 1"):
            stack.up()
        assert [line for line in stack.logs("migrate") if "DOMAIN must be a host name" in line]
    finally:
        stack.down()


def test_without_its_secrets_a_server_says_what_is_missing():
    stack = Containers()
    try:
        done = stack.compose("run", "--rm", "--no-deps", "web", check=False)
        assert done.returncode == 1
        assert "SECRET_KEY_FILE must be a readable file path" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        stack.down()


def test_a_taken_port_is_named():
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        stack = Containers(HTTP_PORT=port)
        try:
            with pytest.raises(RuntimeError, match=rf"{port}.*address already in use"):
                stack.up()
        finally:
            stack.down()


def test_a_secret_of_ones_own_takes_precedence(tmp_path: Path):
    stack = Containers()
    try:
        stack.compose("run", "--rm", "secrets")
        before = stack.compose(*SHOW_KEY).stdout
        stack.compose("run", "--rm", "secrets")
        assert stack.compose(*SHOW_KEY).stdout == before
        own = tmp_path / "secret_key"
        own.write_text("o" * 60)
        own.chmod(0o444)
        mount = ("--volume", f"{own}:/run/secrets/secret_key:ro")
        assert stack.compose(*SHOW_KEY[:3], *mount, *SHOW_KEY[3:]).stdout == "o" * 60
    finally:
        stack.down()


SHOW_KEY = ("run", "--rm", "--no-deps", "migrate", "cat", "/run/secrets/secret_key")
