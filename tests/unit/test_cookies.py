"""The cookies that a browser gets: which, under what name, and who may read or plant them."""

import os
import subprocess
import sys
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from board.models import Room
from tests.unit.test_settings import PRODUCTION

APP = Path(__file__).parents[2] / "app"
# A server's own process, since names and flags follow from its environment.
VISIT = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client, override_settings
call_command("migrate", verbosity=0)
client = Client(headers={"Host": "a.example"})
# Nothing is collected here.
plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
with override_settings(STORAGES={"staticfiles": plain}):
    assert client.get("/board/lobby/", secure=True).status_code == 200
    assert client.post("/board/nickname", {"nickname": "Grace"}, secure=True).status_code == 200
print(client.cookies.output(header="", sep="\\n"))
"""


def cookies(folder: Path, **environment: str) -> dict[str, Morsel]:
    """What a visitor of a server with this environment has after a page and a post."""
    own = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
    done = subprocess.run(
        [sys.executable, "-c", VISIT],
        cwd=APP,
        env={"PATH": os.environ["PATH"], "LOG_LEVEL": "ERROR"} | PRODUCTION | own | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: SimpleCookie = SimpleCookie()
    for line in done.stdout.splitlines():
        found.load(line)
    return dict(found)


@pytest.mark.parametrize("tls", [{"TLS": "acme"}, {"TLS": "off", "TRUSTED_PROXIES": "10.0.0.1"}])
def test_over_tls_cookies_are_bound_to_this_very_host(tmp_path: Path, tls: dict[str, str]):
    found = cookies(tmp_path, DOMAIN="a.example", **tls)
    assert set(found) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in found.values():
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
        assert (cookie["path"], cookie["domain"]) == ("/", "")


def test_without_tls_cookies_have_names_that_a_browser_takes(tmp_path: Path):
    found = cookies(tmp_path, DOMAIN="a.example", TLS="off")
    assert set(found) == {"sessionid", "csrftoken"}
    for cookie in found.values():
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == ("", True, "Lax")


@pytest.mark.django_db
def test_a_message_of_the_admin_takes_no_cookie_of_its_own(client: Client):
    client.force_login(User.objects.create_superuser("mod"))
    message, _ = Room.objects.get(slug="lobby").post(uuid4(), "n", "t")
    url = "/admin/board/message/"
    answer = client.post(url, {"action": "hide", "_selected_action": [message.pk]})
    assert set(answer.cookies) <= {"sessionid", "csrftoken"}
    assert "Hidden: 1." in client.get(url).content.decode()
