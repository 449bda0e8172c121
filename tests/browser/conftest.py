"""The system's Chromium, driven by Playwright, on the page that the stack serves."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.machine import chromium

# Without these, Chromium asks hosts of its maker for updates at every start.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
OPTIONS = {"executable_path": chromium(), "args": ["--no-sandbox", *QUIET]}

expect.set_options(timeout=15_000)


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
