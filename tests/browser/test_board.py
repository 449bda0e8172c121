"""The board as people use it."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.board import live, message, pending, unique, write
from tests.stack.visitor import Visitor

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]


def test_two_pages_see_each_others_messages(visit: Visit, complaints: list[str]):
    one, two = live(visit()), live(visit())
    hello, answer = unique("hello"), unique("hello yourself")
    write(one, hello)
    expect(message(two, hello)).to_have_count(1)
    write(two, answer)
    expect(message(one, answer)).to_have_count(1)
    expect(message(one, hello)).to_have_count(1)
    assert complaints == []


def test_the_page_shows_the_deployment_at_work(visit: Visit, stack):
    page = live(visit())
    server = page.request.get(f"{stack.url}/board/lobby/messages?after=0").json()["server"]
    expect(page.locator("#web-instance")).to_have_text(server["instance"])
    expect(page.locator("#release")).to_have_text(server["release"])
    expect(page.locator("#ws-instance")).to_have_text(re.compile(r"\w+"))


def test_a_reload_loses_nothing(visit: Visit):
    page = live(visit())
    text, draft = unique("before the reload"), "half a sentence"
    write(page, text)
    expect(message(page, text)).to_have_count(1)
    page.locator("#text").fill(draft)
    page.reload()
    expect(message(page, text)).to_have_count(1)
    expect(page.locator("#text")).to_have_value(draft)


def test_a_lost_connection_loses_nothing(visit: Visit):
    one, two = live(visit()), live(visit())
    mine, theirs = unique("written offline"), unique("written meanwhile")
    one.context.set_offline(True)
    write(one, mine)
    write(two, theirs)
    expect(message(two, theirs)).to_have_count(1)
    one.context.set_offline(False)
    for page in (one, two):
        expect(message(page, mine)).to_have_count(1)
        expect(message(page, theirs)).to_have_count(1)


def test_a_restarted_ws_loses_nothing(visit: Visit, stack):
    page = live(visit())
    text = unique("while ws was away")
    stack.stop("ws", kill=True)
    expect(page.locator("#status")).not_to_have_text("Live")
    with Visitor(stack.url) as other:
        assert other.post(text).status_code == 201
    stack.start("ws")
    live(page)
    expect(message(page, text)).to_have_count(1)


def test_a_post_while_web_is_away_arrives_once_when_it_is_back(visit: Visit, stack):
    page = live(visit())
    text = unique("while web was away")
    stack.stop("web", kill=True)
    write(page, text)
    expect(pending(page, text)).to_have_count(1)
    stack.start("web")
    expect(message(page, text)).to_have_count(1, timeout=40_000)
    expect(pending(page)).to_have_count(0)


def test_a_nickname_stays(visit: Visit):
    page = live(visit())
    page.locator("#nickname").fill("Grace")
    page.locator("#nickname").press("Enter")
    text = unique("signed")
    write(page, text)
    expect(message(page, text)).to_contain_text("Grace")
    page.reload()
    expect(page.locator("#nickname")).to_have_value("Grace")


def test_markup_in_a_message_is_text(visit: Visit, complaints: list[str]):
    one, two = live(visit()), live(visit())
    text = unique("<img src=x onerror=alert(1)> & <b>bold</b>")
    write(one, text)
    expect(message(two, text)).to_have_count(1)
    two.reload()
    expect(message(two, text)).to_have_count(1)
    assert complaints == []


def test_a_room_that_does_not_exist_says_so(visit: Visit):
    page = visit("/board/nowhere/")
    expect(page.locator("h1")).to_have_text("Nothing here")


LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_violation_on_the_board(visit: Visit, look: str):
    page = live(visit(**LOOKS[look]))
    write(page, unique("for axe"))
    expect(pending(page)).to_have_count(0)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_violation_on_an_error_page(visit: Visit, look: str):
    found = Axe().run(visit("/nope", **LOOKS[look]))
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_no_violation_while_the_site_is_away_and_the_page_comes_back(visit: Visit, stack):
    stack.stop("web", kill=True)
    page = visit("/board/lobby/")
    expect(page.locator("h1")).to_have_text("Back in a moment")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    stack.start("web")
    expect(page.locator("h1")).to_have_text("Message board", timeout=40_000)


def test_the_board_can_be_used_with_the_keyboard_alone(visit: Visit):
    page = live(visit())
    text = unique("by keyboard")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(message(page, text)).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "text"


def test_nothing_is_wider_than_a_phone(visit: Visit):
    page = live(visit(**LOOKS["phone"]))
    write(page, unique("w" * 300))
    expect(pending(page)).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
