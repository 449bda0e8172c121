"""The story of deploy/README.md: a first release, a second, the way back, a backup and its restoration."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import wait_for
from tests.stack.containers import COMPOSE, Containers
from tests.stack.test_outages import RECOVERY, is_whole
from tests.stack.visitor import Visitor, texts

pytestmark = pytest.mark.containers


@pytest.fixture
def site() -> Iterator[Containers]:
    site = Containers()
    try:
        yield site
    finally:
        site.down()
        images = [
            f"django-channels-{name}:{release}" for name in ("app", "nginx", "certs") for release in RELEASES
        ]
        subprocess.run(["docker", "image", "rm", *images], check=False, capture_output=True)


RELEASES = ("test-one", "test-two")


def first_release(site: Containers) -> None:
    site.settings["RELEASE"] = "test-one"
    site.compose("build")
    site.up()


def release(site: Containers, name: str, build: bool) -> None:
    """An update, or without `build` the way back."""
    site.settings["RELEASE"] = name
    if build:
        site.compose("build")
        site.compose("run", "--rm", "--no-deps", "migrate")
    site.compose("up", "--no-build", "--detach", "--wait")
    wait_for("the site is whole", lambda: is_whole(site), RECOVERY)


def test_a_release_an_update_and_the_way_back_lose_nothing(site: Containers):
    with Visitor(site.url) as visitor:
        first_release(site)
        assert ">test-one<" in visitor.open().text
        visitor.post("with the first")
        after = visitor.last() - 1

        site.settings["DOMAIN"] = "https://example.com"
        done = site.compose("run", "--rm", "--no-deps", "migrate", check=False)
        assert (done.returncode, "DOMAIN must be a host name" in done.stderr) == (1, True)
        del site.settings["DOMAIN"]
        assert visitor.http.get("/board/lobby/").status_code == 200

        release(site, "test-two", build=True)
        assert ">test-two<" in visitor.open().text
        with visitor.follow(after) as socket:
            assert texts(socket, 1) == ["with the first"]
        assert visitor.post("with the second").status_code == 201

        release(site, "test-one", build=False)
        assert ">test-one<" in visitor.open().text
        assert {"with the first", "with the second"} <= {m["text"] for m in visitor.messages(after)}


def test_a_restored_backup_is_the_board_as_it_was(site: Containers, tmp_path: Path):
    dump = tmp_path / "site.dump"
    first_release(site)
    with Visitor(site.url) as visitor:
        visitor.post("in the backup")
        kept = visitor.messages()
        with open(dump, "wb") as file:
            database(site, "pg_dump --username=postgres --format=custom app", stdout=file)
        visitor.post("after the backup")
        site.stop("web", "ws")
        restore = "pg_restore --username=postgres --dbname=app --clean --if-exists --single-transaction"
        with open(dump, "rb") as file:
            database(site, restore, stdin=file)
        site.compose("up", "--no-build", "--detach", "--wait")
        wait_for("the page answers", lambda: visitor.http.get("/board/lobby/").status_code == 200, RECOVERY)
        assert visitor.messages() == kept
        assert visitor.post("and on").json()["message"]["seq"] == kept[-1]["seq"] + 1


def database(site: Containers, command: str, **files: object) -> None:
    """What the README pipes through `exec --no-TTY db`."""
    execute = [*COMPOSE, "--project-name", site.project, "exec", "--no-TTY", "db", *command.split()]
    subprocess.run(execute, check=True, **files)
