"""What the cache of files is for: two releases at once, and the pages of an older one."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.machine import wait_for
from tests.stack.containers import OURS, Containers, build_images
from tests.stack.test_assets import FORMS, cached, fetched, raw, small_files
from tests.stack.test_logs import lines

pytestmark = pytest.mark.containers


# The release that is running.
APP = OURS.get("APP_IMAGE", "django-channels-app:local")


class Files(Containers):
    """nginx and web alone: files need no store."""

    services = ("web", "nginx")

    def up(self, *arguments: str) -> None:
        super().up("--no-deps", *(arguments or self.services))


@contextmanager
def files(small_disk: bool = False, image: str = "") -> Iterator[Files]:
    """The two for the length of a block; nginx's cache can be on a disk of 1 MB."""
    stack = Files(**{"APP_IMAGE": image} if image else {})
    disk = ["--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=1m,uid=101,gid=101"] if small_disk else []
    labels = {"project": stack.project, "volume": "edge-cache"}
    labelled = [f"--label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    try:
        docker("volume", "create", *labelled, *disk, f"{stack.project}_edge-cache")
        stack.compose("run", "--rm", "secrets")
        stack.up()
        yield stack
    finally:
        stack.down()


@contextmanager
def changed(image: str, *command: str) -> Iterator[str]:
    """An image after a command as root."""
    build_images()
    name = f"test-{secrets.token_hex(4)}"
    try:
        docker("run", "--name", name, "--user=0", image, *command)
        docker("commit", name, name)
        yield name
    finally:
        docker("rm", name)
        docker("rmi", "--force", name)


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=60)


def test_files_of_an_older_release_are_answered_during_a_deploy_and_after_it():
    with (
        files() as stack,
        changed(APP, "rm", "-r", "/app/static/admin/js/vendor/select2/i18n") as image,
        httpx.Client(base_url=stack.url) as http,
    ):
        seen, *unseen = small_files(stack)
        (old,) = stack.containers("web")
        for form in FORMS:
            raw(http, seen, form or "identity")

        # Both are there, and every other file is asked of the wrong one first.
        stack.settings["APP_IMAGE"] = image
        stack.up("--no-recreate", "--scale", "web=2", "web")
        (new,) = set(stack.containers("web")) - {old}

        def refused() -> int:
            return len([line for line in lines(stack, "web") if line.get("status") == 404])

        wait_for("both are asked", lambda: http.get("/static/nope").status_code == 404 and refused() > 1)
        for path in unseen[:20]:
            assert http.get(path).status_code == 200
        assert len([path for path in unseen[:20] if fetched(stack, path) == 2]) > 5

        # The older one is gone, and so is the nginx that asked it.
        docker("rm", "--force", old)
        stack.up("--force-recreate", "nginx")
        wait_for("web is found", lambda: http.get(unseen[20]).status_code == 404)
        for form in FORMS:
            answer, _ = raw(http, seen, form or "identity")
            assert (answer.status_code, answer.headers.get("Content-Encoding", "")) == (200, form)
        wait_for("all are logged", lambda: cached(stack, seen) == ["HIT"] * 3)
        assert stack.containers("web") == [new]
