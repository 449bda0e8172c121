"""What the cache of files is for: two releases at once, the pages of an older one, a full disk."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.machine import wait_for
from tests.stack.containers import Containers
from tests.stack.test_assets import FORMS, cached, fetched, raw, small_files
from tests.stack.test_logs import lines

pytestmark = pytest.mark.containers


class Files(Containers):
    """nginx and web alone: files need no store."""

    services = ("web", "nginx")

    def up(self, *arguments: str) -> None:
        super().up("--no-deps", *(arguments or self.services))


@contextmanager
def files(small_disk: bool = False) -> Iterator[Files]:
    """The two for the length of a block; nginx's cache can be on a disk of 1 MB."""
    stack = Files()
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
def release_without(stack: Files, folder: str) -> Iterator[str]:
    """The image of a release that lacks a folder of the one that is running."""
    image = f"{stack.project}-next"
    running = stack.inspect(stack.containers("web")[0])["Config"]["Image"]
    try:
        docker("run", "--name", image, "--user=0", running, "rm", "-r", folder)
        docker("commit", image, image)
        docker("rm", image)
        yield image
    finally:
        docker("rmi", "--force", image)


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=60)


def test_files_of_an_older_release_are_answered_during_a_deploy_and_after_it():
    with (
        files() as stack,
        release_without(stack, "/app/static/admin/js/vendor/select2/i18n") as image,
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


def test_a_full_disk_keeps_no_file_from_being_answered():
    with files(small_disk=True) as stack, httpx.Client(base_url=stack.url) as http:
        seen, unseen, *_ = small_files(stack)
        before = http.get(seen)
        fill = stack.execute("nginx", "dd", "if=/dev/zero", "of=/var/cache/nginx/full", "bs=1k")
        assert "No space left" in fill.stderr
        for path in (seen, unseen, unseen):
            answer = http.get(path)
            assert (answer.status_code, len(answer.content) > 300) == (200, True)
        assert http.get(seen).content == before.content
        wait_for("all are logged", lambda: cached(stack, unseen) == ["MISS", "MISS"])
        assert set(cached(stack, seen)) == {"MISS", "HIT"}
