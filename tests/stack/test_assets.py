"""Static files: fetched once in each form, then nginx's own, whoever is away; and text is compressed."""

import gzip
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import brotli
import httpx
import pytest

from tests.machine import wait_for
from tests.stack.containers import Containers
from tests.stack.processes import APP, Processes
from tests.stack.test_logs import lines
from tests.stack.visitor import Visitor

Stack = Processes | Containers
# How the product's files can come, by the word that says so.
FORMS = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}
# What browsers and others say that they take, and what they get.
SPELLINGS = {
    "gzip, deflate, br, zstd": "br",
    "br": "br",
    "BR;q=1.0, *;q=0.1": "br",
    "gzip;q=1.0, br;q=0.5": "br",
    "gzip, deflate": "gzip",
    "deflate, gzip;q=1.0, *;q=0.5": "gzip",
    "br;q=0, gzip": "gzip",
    "br; q=0.000,x-gzip": "gzip",
    "identity": "",
    "gzip;q=0, br ; q=0": "",
    "deflate, zstd": "",
    "brotli": "",
}


def small_files(stack: Stack) -> Iterator[str]:
    """The paths of files that come in all forms, and that no page links."""
    if isinstance(stack, Containers):
        manifest = stack.execute("web", "cat", "/app/static/staticfiles.json").stdout
    else:
        manifest = (APP / "static/staticfiles.json").read_text()
    for name in json.loads(manifest)["paths"].values():
        if "/select2/i18n/" in name:
            yield f"/static/{name}"


@pytest.fixture(scope="module")
def unasked() -> dict[str, Iterator[str]]:
    """By the name of a stack: files that no test has asked for yet."""
    return {}


@pytest.fixture
def path(stack: Stack, unasked: dict[str, Iterator[str]]) -> str:
    """A file that isn't in the cache."""
    return next(unasked.setdefault(stack.name, small_files(stack)))


def raw(http: httpx.Client, path: str, accepted: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came over the line."""
    with http.stream("GET", path, headers={"Accept-Encoding": accepted} | headers) as answer:
        return answer, b"".join(answer.iter_raw())


def cached(stack: Stack, path: str) -> list[str]:
    """Where the answers for a path came from, one after the other."""
    return [line["cache"] for line in lines(stack, "nginx") if line.get("path") == path]


def fetched(stack: Stack, path: str) -> int:
    """How often web was asked for a path."""
    return len([line for line in lines(stack, "web") if line.get("path") == path])


def test_a_file_is_fetched_once_in_each_form_and_means_the_same(stack: Stack, visitor: Visitor, path: str):
    bodies = set()
    for _ in range(2):
        for form, decoded in FORMS.items():
            answer, body = raw(visitor.http, path, form or "identity")
            assert answer.status_code == 200
            assert answer.headers.get("Content-Encoding", "") == form
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert "immutable" in answer.headers["Cache-Control"]
            assert "Set-Cookie" not in answer.headers
            bodies.add(decoded(body))
    assert len(bodies) == 1
    wait_for("all are logged", lambda: cached(stack, path) == ["MISS"] * 3 + ["HIT"] * 3)
    assert fetched(stack, path) == 3


def test_three_forms_are_all_however_browsers_ask(stack: Stack, visitor: Visitor, path: str):
    for spelling, form in SPELLINGS.items():
        answer, _ = raw(visitor.http, path, spelling)
        assert (spelling, answer.headers.get("Content-Encoding", "")) == (spelling, form)
    wait_for("all are logged", lambda: len(cached(stack, path)) == len(SPELLINGS))
    assert fetched(stack, path) == 3


@contextmanager
def frozen(stack: Stack, service: str) -> Iterator[None]:
    """A server that takes connections and does nothing, for the length of a block."""

    def let(command: str, number: int) -> None:
        if isinstance(stack, Containers):
            stack.compose(command, service)
        else:
            os.killpg(stack.running[service].pid, number)

    let("pause", signal.SIGSTOP)
    try:
        yield
    finally:
        let("unpause", signal.SIGCONT)


def test_many_who_ask_at_once_make_one_fetch(stack: Stack, visitor: Visitor, path: str):
    with ThreadPoolExecutor(20) as threads:
        with frozen(stack, "web"):
            answers = [threads.submit(visitor.http.get, path) for _ in range(20)]
            wait_for("they have asked", lambda: all(answer.running() for answer in answers))
            # Nothing outside of nginx says that it has got them all.
            time.sleep(0.2)
        assert {answer.result().status_code for answer in answers} == {200}
    wait_for("all are logged", lambda: len(cached(stack, path)) == 20)
    assert fetched(stack, path) == 1


def test_a_query_makes_no_other_file(stack: Stack, visitor: Visitor, path: str):
    for number in range(5):
        assert visitor.http.get(path, params={"v": number}).status_code == 200
    assert fetched(stack, path) == 1


# With containers: test_releases.py.
@pytest.mark.parametrize("stack", ["processes"], indirect=True)
def test_without_web_what_is_cached_is_answered(stack: Stack, visitor: Visitor, path: str):
    whole = visitor.http.get(path)
    assert whole.status_code == 200
    stack.stop("web")
    try:
        assert visitor.http.get("/board/lobby/").status_code == 502
        again = visitor.http.get(path)
        assert (again.status_code, again.content) == (200, whole.content)
        unchanged = visitor.http.get(path, headers={"If-Modified-Since": whole.headers["Last-Modified"]})
        assert unchanged.status_code == 304
    finally:
        stack.start("web")
        wait_for("web is back", lambda: visitor.http.get("/board/lobby/").status_code == 200)
    wait_for("all are logged", lambda: cached(stack, path) == ["MISS", "HIT", "HIT"])


def test_pages_and_json_are_compressed_for_who_takes_it(visitor: Visitor):
    for number in range(8):
        visitor.post(f"a message that makes the answer longer {number}" + "." * 100)
    for path in ("/board/lobby/", "/board/lobby/messages"):
        # Via: through a CDN or a balancer.
        answer, body = raw(visitor.http, path, "gzip, deflate, br", Via="1.1 balancer")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers.get_list("Vary", split_commas=True)
        plain, text = raw(visitor.http, path, "identity")
        assert "Content-Encoding" not in plain.headers
        assert len(body) < len(text) / 2
        assert len(gzip.decompress(body)) > 1000
