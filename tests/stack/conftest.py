"""One set of tests, two ways to start the stack."""

from collections.abc import Iterator

import pytest

from tests.stack.containers import Containers
from tests.stack.processes import Processes
from tests.stack.visitor import Visitor

STACKS = {"processes": Processes, "containers": Containers}


def running(kind: str) -> Iterator[Processes | Containers]:
    stack = STACKS[kind]()
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


@pytest.fixture(
    scope="session",
    params=[pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in STACKS],
)
def stack(request: pytest.FixtureRequest) -> Iterator[Processes | Containers]:
    """The whole site, started once for all tests of its kind."""
    yield from running(request.param)


@pytest.fixture
def visitor(stack: Processes | Containers) -> Iterator[Visitor]:
    with Visitor(stack.url) as visitor:
        yield visitor
