"""A certificate's life, with real authorities: issued, renewed, late, refused, kept."""

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.machine import wait_for
from tests.stack.pebble import PebbleSite
from tests.stack.tls import NAME, OTHER_NAME, names_of_this_machine

pytestmark = pytest.mark.containers
SOCKETS = 50
# nginx looks for a new certificate every 20 s; a noisy machine takes its time with everything.
NOTICED = 60


@pytest.fixture
def stack() -> Iterator[PebbleSite]:
    with tempfile.TemporaryDirectory(prefix="pebble-") as folder, names_of_this_machine():
        stack = PebbleSite(Path(folder))
        try:
            yield stack
        finally:
            stack.down()


def plain(stack: PebbleSite, path: str = "/", name: str = NAME) -> httpx.Response:
    """What port 80 answers."""
    return httpx.get(f"http://{name}:{stack.settings['HTTP_PORT']}{path}")


def orders(stack: PebbleSite, authority: str = "pebble") -> int:
    return sum("Added order" in line for line in stack.logs(authority))


async def test_fifty_sockets_outlive_renewals_and_an_authority_that_is_away(stack: PebbleSite):
    stack.up_but_for("certs")
    stack.up()
    assert stack.complaint() == ""
    # Another authority is asked at once: as after a try with ACME_SERVER=staging.
    stack.settings["ACME_SERVER"] = "https://shortlived:14000/dir"
    stack.up_detached("certs")
    wait_for("the other authority's certificate is in use", lambda: stack.complaint() == "", NOTICED)
    workers = nginx_workers(stack)

    # Not the client with threads: Python's TLS bears no reading and writing at once, and one handshake in
    # a hundred hangs.
    async with AsyncExitStack() as open_:
        tls = stack.trust("pebble", "shortlived")
        url = stack.url.replace("https", "wss") + "/ws/"
        opening = [connect(url, ssl=tls, origin=stack.url) for _ in range(SOCKETS)]
        sockets = [await open_.enter_async_context(each) for each in opening]
        opened = datetime.now(UTC)

        async def echo(words: str) -> None:
            for number, socket in enumerate(sockets):
                await socket.send(json.dumps({"request": [words, number]}))
            answers = [json.loads(await socket.recv()) for socket in sockets]
            assert [answer["data"] for answer in answers] == [[words, number] for number in range(SOCKETS)]

        async def awaited(what: str, condition: Callable[[], bool]) -> None:
            await asyncio.to_thread(wait_for, what, condition, NOTICED)

        def is_renewed() -> bool:
            found = stack.certificate()
            return found is not None and found.not_valid_before_utc > opened

        await echo("before")
        before = stack.published()
        await awaited("it is renewed", lambda: stack.published() != before)
        stack.connect("shortlived", connected=False)
        await awaited("a new connection gets the renewed certificate", is_renewed)
        await echo("after a renewal")

        await awaited("health says that it ends", lambda: "expire" in stack.complaint())
        assert "can't be reached" in stack.complaint()
        assert "can't be reached" in stack.said("The next attempt is at")["message"]
        stack.connect("shortlived")
        await awaited("it is renewed", lambda: stack.complaint() == "")
        await echo("after an authority came back")

    assert nginx_workers(stack) == workers


def nginx_workers(stack: PebbleSite) -> str:
    """Those that serve. A reload would replace them."""
    found = stack.execute("nginx", "sh", "-c", "grep -l '[w]orker process' /proc/[0-9]*/cmdline").stdout
    assert found
    return found


def test_without_its_authority_a_site_waits_in_plain_http_and_is_certified_by_itself(stack: PebbleSite):
    stack.up_but_for("pebble", "shortlived", whole=False)
    said = stack.said("can't be reached")
    assert said["level"] == "ERROR"
    assert "There is no certificate yet. The CA can't be reached" in stack.complaint()
    for name in (NAME, OTHER_NAME):
        waiting = plain(stack, name=name)
        assert (waiting.status_code, waiting.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert stack.certificate() is None

    stack.up("--no-deps", "pebble")
    wait_for("it is issued", lambda: stack.complaint() == "", NOTICED)
    tls = stack.trust("pebble")
    found = wait_for("nginx has it", stack.certificate)
    assert "89 days from now, issued by Pebble" in stack.said("is valid until")["message"]
    for name in (NAME, OTHER_NAME):
        # Nothing but the edge runs: the name itself gets 502, the other one is sent to it.
        answer = httpx.get(f"https://{name}:{stack.port}/", verify=tls)
        assert answer.status_code == (502 if name == NAME else 301)
    assert plain(stack).status_code == 301

    before = orders(stack)
    stack.compose("restart", "nginx", "certs")
    wait_for("certbot has looked again", lambda: len(told(stack, "is valid until")) > 1)
    assert wait_for("nginx is back", stack.certificate) == found
    stack.compose("up", "--detach", "--no-build", "--no-deps", "--force-recreate", "nginx", "certs")
    stack.said("is valid until")
    assert wait_for("nginx is back", stack.certificate) == found
    assert orders(stack) == before


def told(stack: PebbleSite, words: str) -> list[str]:
    return [line for line in stack.logs("certs") if words in line]


def test_a_name_that_leads_elsewhere_is_named_and_never_asked_for_too_often(stack: PebbleSite):
    stack.up_but_for("shortlived", "certs", whole=False)
    stack.lead(OTHER_NAME, None)
    stack.up_detached("certs")
    said = stack.said(f"{OTHER_NAME} has no DNS record: add an A record")
    assert said["level"] == "ERROR"
    assert "The next attempt is at" in said["message"]
    assert "There is no certificate yet" in stack.complaint()
    assert plain(stack).status_code == 503

    stack.lead(OTHER_NAME, stack.address("pebble"))
    stack.compose("restart", "certs")
    stack.said(f"no answer from {OTHER_NAME} at port 80: open the port")
    assert failures(stack) == 2

    stack.lead(OTHER_NAME, stack.address("nginx"))
    stack.compose("restart", "certs")
    wait_for("it is issued", lambda: stack.complaint() == "", NOTICED)
    assert plain(stack).status_code == 301
    in_use = wait_for("nginx has it", stack.certificate)

    # A name more is asked for at once, and after four failures not before the hour is over.
    stack.settings["DOMAIN"] += ",third.site.test"
    for _ in range(6):
        stack.up_detached("certs", "--force-recreate")
        stack.said("third.site.test has no DNS record")
    assert "The CA is not asked before" in stack.said("third.site.test has no DNS record")["message"]
    assert failures(stack) == 2 + 4
    assert "not for third.site.test" in stack.complaint()
    assert stack.certificate() == in_use


def failures(stack: PebbleSite) -> int:
    """How many validations the authority counts as failed."""
    return sum("set INVALID by completed challenge" in line for line in stack.logs("pebble"))


def test_a_stop_ends_at_once_and_well_and_an_own_certificate_is_installed(stack: PebbleSite):
    stack.settings["TLS"] = "files"
    stack.up_but_for("pebble", "shortlived", whole=False)
    stack.said("There is no certificate yet. Install one with: cat")
    for given, code in ((stack.own.issue("other.test"), 1), (stack.own.issue(NAME, OTHER_NAME), 0)):
        done = stack.execute("certs", "python3", "-m", "certs", "install", given=given.decode())
        assert done.returncode == code, done
    assert wait_for("nginx has it", stack.certificate).issuer == stack.own.intermediate.name
    assert stack.complaint() == ""
    begun = time.monotonic()
    stack.stop("certs")
    assert time.monotonic() - begun < 5


def test_where_tls_is_off_there_is_nothing_to_do(stack: PebbleSite):
    stack.settings |= {"DOMAIN": "", "TLS": ""}
    stack.up("--no-deps", "certs")
    assert stack.said("TLS is off")["level"] == "INFO"
    stack.stop("certs")
