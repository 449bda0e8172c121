"""What a reader does on the board's page, and looks at."""

from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.machine import wait_for


def write(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")


def message(page: Page, text: str) -> Locator:
    """A message that the server has numbered."""
    return page.locator("#messages li[data-seq]", has_text=text)


def pending(page: Page, text: str = "") -> Locator:
    """A message that is on its way."""
    return page.locator("#messages .pending", has_text=text)


def expect_kept(page: Page, count: int) -> None:
    """Wait until so many entries are in the outbox's database, where they outlive the page."""
    page.wait_for_function(
        """async (count) => {
            const opening = indexedDB.open("outbox", 1);
            opening.onupgradeneeded = () => opening.result.createObjectStore("entries", { keyPath: "key" });
            await new Promise((resolve) => (opening.onsuccess = resolve));
            const counting = opening.result.transaction("entries").objectStore("entries").count();
            await new Promise((resolve) => (counting.onsuccess = resolve));
            opening.result.close();
            return counting.result === count;
        }""",
        arg=count,
    )


def unique(text: str) -> str:
    """The board is one for all tests, and so are its messages."""
    return f"{text} {uuid4().hex[:8]}"


def live(page: Page) -> Page:
    expect(page.locator("#status")).to_have_text("Live")
    expect(page.locator("#roundtrip")).to_contain_text("ms")
    return page


def wait_in(page: Page, what: str, condition: Callable[[], object]) -> None:
    """Wait for something that the handlers of a page's events find out; they run while Playwright does."""
    wait_for(what, lambda: page.wait_for_timeout(50) or condition())
