"""What nginx does when its disk is full, and what it has for bodies and downloads."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.machine import wait_for
from tests.stack.containers import Containers
from tests.stack.test_assets import cached, small_files
from tests.stack.test_releases import APP, Files, changed, files
from tests.stack.visitor import Visitor

pytestmark = pytest.mark.containers
LARGE = 150 * 1024**2


@pytest.fixture(scope="module")
def small() -> Iterator[Files]:
    """A cache of 1 MB, and a file that is larger than all that nginx may write."""
    with (
        changed(APP, "truncate", f"--size={LARGE}", "/app/static/large.bin") as image,
        files(small_disk=True, image=image) as stack,
    ):
        yield stack


def test_a_full_disk_keeps_no_file_from_being_answered(small: Files):
    with httpx.Client(base_url=small.url) as http:
        seen, unseen, *_ = small_files(small)
        before = http.get(seen)
        fill = small.execute("nginx", "dd", "if=/dev/zero", "of=/var/cache/nginx/full", "bs=1k")
        assert "No space left" in fill.stderr
        for path in (seen, unseen, unseen):
            answer = http.get(path)
            assert (answer.status_code, len(answer.content) > 300) == (200, True)
        assert http.get(seen).content == before.content
    wait_for("all are logged", lambda: cached(small, unseen) == ["MISS", "MISS"])
    assert set(cached(small, seen)) == {"MISS", "HIT"}


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-"}], ids=["a file", "a part"])
def test_a_large_download_ends_well_for_who_reads_slowly(small: Files, headers: dict[str, str]):
    with httpx.stream("GET", f"{small.url}/static/large.bin", headers=headers) as answer:
        assert answer.status_code == (206 if headers else 200)
        # Long enough for web to send all of it, if nginx took it.
        time.sleep(1)
        assert sum(map(len, answer.iter_raw())) == LARGE


@pytest.mark.parametrize("stack", ["containers"], indirect=True)
def test_slow_bodies_keep_no_message_from_being_posted(stack: Containers, visitor: Visitor):
    visitor.open()
    start = b"POST /board/lobby/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n"
    with ExitStack() as slow:
        for _ in range(150):
            line = slow.enter_context(socket.create_connection(("127.0.0.1", visitor.http.base_url.port)))
            line.sendall(start + b"x" * 1_000_000)

        def room() -> str:
            return stack.execute("nginx", "df", "--output=avail", "/run/nginx").stdout.split()[-1]

        wait_for("they have filled it", lambda: room() == "0")
        # Each of these takes 12 bytes in a form.
        assert visitor.post("\N{GRINNING FACE}" * 2000).status_code == 201
        assert visitor.open().status_code == 200
