"""The system's Chromium, driven by Playwright, on the page that the stack serves."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.machine import chromium

# Without these, Chromium asks hosts of its maker for updates at every start.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
OPTIONS = {"executable_path": chromium(), "args": ["--no-sandbox", *QUIET]}

expect.set_options(timeout=15_000)

# What a project has: `log` is what its listeners were given, `server` what its functions fetch from.
PRELUDE = """
const log = [];
const until = async (condition) => {
  for (const deadline = Date.now() + 10_000; !condition(); await new Promise((go) => setTimeout(go, 5)))
    if (Date.now() > deadline) throw new Error(`Not within 10 s: ${condition}, ${JSON.stringify(log)}`);
};
const listen = (target, ...types) => {
  for (const type of types) target.addEventListener(type, ({ detail }) => log.push([type, detail]));
  return target;
};
const numbers = () => log.filter(([type]) => type === "message").map(([, { seq }]) => seq);
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: while Playwright runs, no test can have an event loop of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What pages wrote to the console as a warning or an error, or threw."""
    return []


@pytest.fixture
def visit(stack, browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open the board as another visitor; keyword arguments go to the browser's context."""
    contexts: list[BrowserContext] = []

    def visit(path: str = "/board/lobby/", **options: object) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(stack.url + path)
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A page that has nothing to do with the board, and may open sockets to servers of the test's own."""
    return visit("/board/nowhere/", bypass_csp=True)


@pytest.fixture
def run(page: Page, stack) -> Callable[..., Any]:
    """Run the body of an async function with all of live.js in scope, `argument`, and the PRELUDE."""
    board = httpx.get(f"{stack.url}/board/lobby/").text
    script = urljoin(stack.url, re.search(r'src="([^"]+/board\.[^"]+\.js)"', board)[1])
    module = urljoin(script, re.search(r'from "([^"]+/live\.\w+\.js)"', httpx.get(script).text)[1])
    names = "{ LiveSocket, Outbox, RequestError, Sequence, insist, reconnectDelay, request }"

    def run(body: str, argument: object = None) -> Any:
        page.evaluate(f'import("{module}").then((module) => void (window.live = module))')
        return page.evaluate(f"async (argument) => {{ const {names} = live; {PRELUDE} {body} }}", argument)

    return run
