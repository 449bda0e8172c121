"""One set of tests, two ways to start the stack, and the site over HTTPS. A pytest plugin."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.stack.alone import Alone
from tests.stack.containers import Containers
from tests.stack.edge import Edge, edge
from tests.stack.mirror.seen import mirrored
from tests.stack.processes import Processes
from tests.stack.tls import HttpsSite, https_site
from tests.stack.visitor import Visitor

STACKS = {"processes": Processes, "containers": Containers}


@pytest.fixture(
    scope="session",
    params=[pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in STACKS],
)
def stack(request: pytest.FixtureRequest) -> Iterator[Processes | Containers]:
    """The whole site, started once for all tests of its kind.

    A test for containers alone says @pytest.mark.parametrize("stack", ["containers"], indirect=True).
    """
    stack = STACKS[request.param]()
    try:
        stack.up()
        yield stack
        # Whatever the tests did to it, no consumer died of it.
        assert not [line for line in stack.logs("ws") if "Exception inside application" in line]
    finally:
        stack.down()


@pytest.fixture
def visitor(stack: Processes | Containers) -> Iterator[Visitor]:
    with Visitor(stack.url) as visitor:
        yield visitor


@pytest.fixture(scope="session")
def site() -> Iterator[HttpsSite]:
    """The containers over HTTPS, started once for all tests."""
    with https_site() as site:
        yield site


@pytest.fixture(scope="session")
def edges() -> Iterator[Callable[[str], Edge]]:
    """nginx with nothing behind it, of each kind of stack: started when it is first asked for."""
    with ExitStack() as running:
        yield cache(lambda kind: running.enter_context(edge(kind, HTTP_MAX_BODY="1k")))


@pytest.fixture(scope="session")
def mirror() -> Iterator[Alone]:
    """A site for this machine alone, which says what reached web and ws."""
    with mirrored() as server:
        yield server
