"""The README's picture: `.venv/bin/python -m tests.browser.screenshot http://localhost .github/board.png`.

Posts a conversation to the lobby of a running site, so run it on a fresh one.
"""

import sys

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import OPTIONS
from tests.stack.visitor import Visitor

CONVERSATION = [
    ("Ada", "Release 2 is going out. Keep your pages open and watch."),
    ("Grace", "I am on the train, the connection comes and goes."),
    ("Ada", "Then you are the best test we have."),
    ("Grace", "Lost it for a minute in the tunnel, and got everything you wrote meanwhile. In order, once."),
    ("Linus", "I just killed Redis, by the way."),
    ("Grace", "Nobody noticed. Two seconds late, that is all."),
]


def main(url: str, path: str) -> None:
    visitors = {name: Visitor(url) for name, _ in CONVERSATION}
    for name, visitor in visitors.items():
        visitor.open()
        headers = {"X-CSRFToken": visitor.token, "Origin": url}
        visitor.http.post("/board/nickname", data={"nickname": name}, headers=headers).raise_for_status()
    *before, (me, last) = CONVERSATION
    for name, text in before:
        visitors[name].post(text).raise_for_status()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**OPTIONS)
        page = browser.new_page(viewport={"width": 1100, "height": 640}, device_scale_factor=2)
        page.goto(f"{url}/board/lobby/")
        expect(page.locator("#roundtrip")).to_contain_text("ms")
        page.locator("#nickname").fill(me)
        page.locator("#nickname").press("Enter")
        page.locator("#text").fill(last)
        page.locator("#text").press("Enter")
        expect(page.locator("#messages li[data-seq]")).to_have_count(len(CONVERSATION))
        page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
