"""Every page works under its own Content-Security-Policy, and the policy stops what doesn't belong to it."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.board import live, message, unique, wait_in, write

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]

CREATE = """
from django.contrib.auth.models import User
User.objects.create_superuser("{name}", password="for-a-test")
"""
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"


@pytest.fixture
def admin(visit: Visit, stack) -> Callable[[str], Page]:
    """Open a page of the admin as a moderator who has just logged in."""
    name = f"moderator-{uuid4().hex}"
    stack.manage("shell", "--command", CREATE.format(name=name))

    def admin(path: str) -> Page:
        page = visit(f"/admin/login/?next={path}")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill("for-a-test")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        page.wait_for_load_state()
        return page

    return admin


def test_the_board_works_under_its_policy(visit: Visit, complaints: list[str]):
    one, two = live(visit()), live(visit())
    one.locator("#nickname").fill("Grace")
    one.locator("#nickname").press("Enter")
    text = unique("under the policy")
    write(one, text)
    for page in (one, two):
        expect(message(page, text)).to_contain_text("Grace")
    assert complaints == []


def test_the_admin_lists_and_hides_messages_under_its_policy(
    visit: Visit, admin: Callable[[str], Page], complaints: list[str]
):
    board = live(visit())
    text = unique("rude")
    write(board, text)
    expect(message(board, text)).to_have_count(1)
    page = admin(f"/admin/board/message/?q={text.split()[-1]}")
    # The box in the table's head ticks all others: a script does that.
    page.locator("#action-toggle").check()
    expect(page.locator(".action-counter")).to_have_text("1 of 1 selected")
    page.get_by_label("Action:").select_option("hide")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator(".messagelist")).to_have_text("Hidden: 1.")
    assert complaints == []


def test_the_admins_forms_and_their_widgets_work_under_its_policy(
    admin: Callable[[str], Page], complaints: list[str], stack
):
    page = admin("/admin/board/room/add/")
    page.get_by_label("Title:").press_sequentially("A room of one's own")
    expect(page.get_by_label("Slug:")).to_have_value("a-room-of-ones-own")
    page.goto(f"{stack.url}/admin/auth/user/")
    page.locator("#result_list tbody th a").first.click()
    dates = page.locator(".field-last_login")
    dates.get_by_role("link", name="Choose a Date").click()
    page.locator("#calendarbox0").get_by_role("link", name="15", exact=True).click()
    expect(page.locator("#id_last_login_0")).to_have_value(re.compile(r"^\d{4}-\d\d-15$"))
    # Scripts make two lists of it, to move permissions between.
    expect(page.locator("#id_user_permissions_from option").first).to_be_attached()
    assert complaints == []


def test_an_error_page_keeps_its_looks_under_its_policy(visit: Visit, complaints: list[str]):
    page = visit("/nowhere")
    expect(page.locator("main")).to_have_css("border-left-width", "3px")
    assert complaints == [NOT_FOUND]


STRANGERS = {
    "script": "document.head.append(Object.assign(document.createElement('script'), "
    "{ textContent: 'document.body.dataset.ran = 1' }))",
    "handler": 'document.body.innerHTML += \'<img src="/nope" onerror="document.body.dataset.ran = 1">\'',
    "style": "document.body.innerHTML += '<p style=\"color: red\">'",
    "socket": "new WebSocket('ws://127.0.0.1:9/')",
    "request": "void fetch('http://127.0.0.1:9/').catch(() => {})",
    "form": "document.body.innerHTML += '<form action=\"http://127.0.0.1:9/\"><button>', "
    "document.body.lastChild.submit()",
    "base": "document.head.append(Object.assign(document.createElement('base'), "
    "{ href: 'http://127.0.0.1:9/' }))",
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_slips_into_a_page_neither_runs_nor_loads(visit: Visit, complaints: list[str], stranger: str):
    page = visit()
    page.evaluate(STRANGERS[stranger])
    wait_in(page, "a violation", lambda: [line for line in complaints if "Content Security Policy" in line])
    assert page.evaluate("document.body.dataset.ran") is None
