"""What is written arrives once, whatever happens to the line, the tab, the browser or the server."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Route, expect

from tests.browser.board import expect_kept, live, message, pending, unique, wait_in, write
from tests.browser.conftest import OPTIONS
from tests.machine import wait_for
from tests.stack.visitor import Visitor

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]

POSTS = "**/board/lobby/messages"
# Backoff after a short outage, with room for a slow machine.
PATIENCE = 40_000

FORBID_STORAGE = """
for (const name of ["indexedDB", "localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("Denied", "SecurityError"); } });
"""
FILL_STORAGE = """
IDBObjectStore.prototype.put = () => { throw new DOMException("Full", "QuotaExceededError"); };
Storage.prototype.setItem = () => { throw new DOMException("Full", "QuotaExceededError"); };
"""
# As on plain http, on any host but localhost.
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"


def new_tab(context: BrowserContext, stack) -> Page:
    """The board once more, in the same browser, once the site is there."""
    url = f"{stack.url}/board/lobby/"
    wait_for("the site answers", lambda: context.request.get(url).ok)
    page = context.new_page()
    page.goto(url)
    return page


def stored(stack, text: str) -> int:
    """How many messages with this text the server has."""
    with Visitor(stack.url) as visitor:
        return sum(text in found["text"] for found in visitor.messages())


def expect_once(page: Page, stack, text: str) -> None:
    expect(message(page, text)).to_have_count(1, timeout=PATIENCE)
    expect(pending(page)).to_have_count(0)
    assert stored(stack, text) == 1


def count_answered(context: BrowserContext) -> Counter[str]:
    """How often each text is posted and answered."""
    answered: Counter[str] = Counter()

    def on_finished(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/messages") and request.response().ok:
            answered[request.post_data_json["text"]] += 1

    context.on("requestfinished", on_finished)
    return answered


def cut(context: BrowserContext, *, heard: bool) -> list[str]:
    """Cut the line of every post until `context.unroute(POSTS)`, after the server `heard` it or before.

    Returns the keys of the posts, as they come in.
    """
    keys: list[str] = []

    def on_post(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        if heard:
            assert route.fetch().ok
        keys.append(route.request.post_data_json["key"])
        route.abort("connectionreset")

    context.route(POSTS, on_post)
    return keys


def test_a_post_written_while_the_server_is_down_survives_its_tab(visit: Visit, stack):
    page = live(visit())
    one, two, three = (unique(text) for text in ("first of a closed tab", "second of it", "and a new one"))
    answered = count_answered(page.context)
    stack.stop("web", kill=True)
    write(page, one)
    write(page, two)
    expect(pending(page)).to_have_count(2)
    expect_kept(page, 2)
    page.close()
    stack.start("web")
    page = new_tab(page.context, stack)
    expect_once(page, stack, one)
    expect_once(page, stack, two)
    assert page.locator("#messages").inner_text().index(one) < page.locator("#messages").inner_text().index(
        two
    )
    page.reload()
    write(live(page), three)
    expect_once(page, stack, three)
    # In order, so whatever the reload sent again was before the third.
    assert answered == dict.fromkeys((one, two, three), 1)


def test_a_post_survives_the_crash_of_the_whole_browser(browser: Browser, stack, tmp_path: Path):
    def start() -> tuple[BrowserContext, Page]:
        context = browser.browser_type.launch_persistent_context(tmp_path, **OPTIONS)
        return context, context.pages[0]

    context, page = start()
    page.goto(f"{stack.url}/board/lobby/")
    text = unique("before the crash")
    cut(context, heard=False)
    write(live(page), text)
    expect(pending(page, text)).to_contain_text("trying again")
    with pytest.raises(Error):
        context.new_cdp_session(page).send("Browser.crash")
    for lock in tmp_path.glob("Singleton*"):
        lock.unlink()
    context, page = start()
    page.goto(f"{stack.url}/board/lobby/")
    expect_once(page, stack, text)
    context.close()


def test_a_reload_in_the_same_breath_loses_nothing(visit: Visit, stack):
    page = live(visit())
    text = unique("and gone")
    cut(page.context, heard=False)
    page.locator("#text").fill(text)
    with page.expect_navigation():
        page.evaluate("document.getElementById('compose').requestSubmit(); location.reload()")
    page.context.unroute(POSTS)
    expect_once(page, stack, text)


def test_a_post_whose_answer_was_lost_appears_once(visit: Visit, stack):
    page = live(visit())
    keys = cut(page.context, heard=True)
    text = unique("was it heard?")
    write(page, text)
    wait_in(page, "two attempts", lambda: len(keys) >= 2)
    page.context.unroute(POSTS)
    expect_once(page, stack, text)
    assert len(set(keys)) == 1


def test_a_tab_closed_before_its_answer_came_makes_no_second_message(visit: Visit, stack):
    page = live(visit())
    cut(page.context, heard=True)
    text = unique("closed too soon")
    write(page, text)
    # The socket has shown it; the outbox has no answer.
    expect(message(page, text)).to_have_count(1)
    expect_kept(page, 1)
    page.close()
    page.context.unroute(POSTS)
    answered = count_answered(page.context)
    tab = new_tab(page.context, stack)
    wait_in(tab, "an answer", lambda: answered)
    expect_once(tab, stack, text)
    assert answered == {text: 1}


def test_of_two_tabs_each_sends_its_own_posts(visit: Visit, stack):
    one = live(visit())
    two = live(new_tab(one.context, stack))
    answered = count_answered(one.context)
    stack.stop("web", kill=True)
    texts = [unique("from one"), unique("from one again"), unique("from two")]
    for page, text in zip((one, one, two), texts, strict=True):
        write(page, text)
    for page in (one, two):
        # What makes a tab look for entries without an owner.
        page.evaluate("dispatchEvent(new Event('online'))")
    expect(pending(one)).to_have_count(2)
    expect(pending(two)).to_have_count(1)
    stack.start("web")
    for page in (one, two):
        for text in texts:
            expect_once(page, stack, text)
    assert answered == dict.fromkeys(texts, 1)


def test_of_all_open_tabs_one_sends_what_a_closed_one_left(visit: Visit, stack):
    one = live(visit())
    others = [live(new_tab(one.context, stack)) for _ in range(3)]
    answered = count_answered(one.context)
    text = unique("left behind")
    cut(one.context, heard=False)
    stack.stop("ws", kill=True)
    write(one, text)
    expect(pending(one, text)).to_contain_text("trying again")
    expect_kept(one, 1)
    one.close()
    stack.start("ws")
    for page in others:
        live(page)
    one.context.unroute(POSTS)
    for page in others:
        expect_once(page, stack, text)
    assert answered == {text: 1}


def test_without_locks_two_tabs_still_make_one_message(visit: Visit, stack):
    one = visit()
    one.context.add_init_script(NO_LOCKS)
    one.reload()
    text = unique("over plain http")
    cut(one.context, heard=False)
    write(live(one), text)
    two = live(new_tab(one.context, stack))
    expect(pending(two, text)).to_have_count(1)
    one.context.unroute(POSTS)
    for page in (one, two):
        expect_once(page, stack, text)


@pytest.mark.parametrize("trouble", [FORBID_STORAGE, FILL_STORAGE], ids=["forbidden", "full"])
def test_without_storage_posts_are_sent_all_the_same(visit: Visit, stack, trouble: str):
    page = visit()
    page.context.add_init_script(trouble)
    page.reload()
    keys = cut(page.context, heard=True)
    text = unique("nowhere to keep it")
    write(live(page), text)
    wait_in(page, "two attempts", lambda: len(keys) >= 2)
    page.context.unroute(POSTS)
    expect_once(page, stack, text)
    assert len(set(keys)) == 1


def test_an_old_post_comes_back_as_a_draft(visit: Visit, stack):
    page = live(visit())
    page.clock.set_fixed_time(time.time() - 2 * 24 * 3600)
    keys = cut(page.context, heard=True)
    text = unique("lunch today?")
    write(page, text)
    expect(message(page, text)).to_have_count(1)
    expect_kept(page, 1)
    page.close()
    page.context.clock.set_fixed_time(time.time())
    tab = new_tab(page.context, stack)
    expect(tab.locator("#text")).to_have_value(text)
    expect(tab.locator("#error")).to_contain_text("could not be sent in time")
    expect(pending(tab)).to_have_count(0)
    tab.reload()
    expect(live(tab).locator("#text")).to_have_value(text)
    before = len(keys)
    tab.locator("#text").press("Enter")
    wait_in(tab, "one more attempt", lambda: len(keys) > before)
    tab.context.unroute(POSTS)
    # With its old key: the server had it all along.
    expect_once(tab, stack, text)
    assert len(set(keys)) == 1


def test_a_refused_post_gives_its_text_back(visit: Visit, stack):
    page = live(visit())
    sentence, refused, next_one = "Not in this room.", unique("refused"), unique("the next one")
    page.route(POSTS, lambda route: route.fulfill(status=403, json={"error": sentence}), times=1)
    write(page, refused)
    expect(page.locator("#error")).to_have_text(sentence)
    expect(page.locator("#text")).to_have_value(refused)
    write(page, next_one)
    expect_once(page, stack, next_one)
    assert stored(stack, refused) == 0
