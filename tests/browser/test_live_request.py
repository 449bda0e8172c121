"""live.js: what a failed request means for the next attempt, and when that is."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Run = Callable[..., Any]

AGAIN_AFTER_5 = {"Retry-After": "5"}
AGAIN_NEXT_CENTURY = {"Retry-After": "1e9"}
# What the server answers: a part of the error's sentence, its status and its retryAfter.
FAILURES = {
    "refused": ({"status": 413, "json": {"error": "Too long."}}, ("Too long.", 413, None)),
    "forbidden": ({"status": 403, "body": "<p>"}, ("did not accept this", 403, None)),
    "broken": ({"status": 500, "json": {"error": "Ours."}}, ("Ours.", 500, None)),
    "busy": ({"status": 503, "headers": AGAIN_AFTER_5, "json": {"error": "Away."}}, ("Away.", 503, 5000)),
    "absent": ({"status": 502, "body": "<p>"}, ("502", 502, 0)),
    "cut short": ({"status": 200, "body": '{"seq":'}, ("200", 200, 0)),
    "patient": ({"status": 429, "headers": AGAIN_NEXT_CENTURY, "body": ""}, ("429", 429, 3_600_000)),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_request_says_whether_repeating_it_can_help(run: Run, page: Page, name: str):
    answer, (sentence, *expected) = FAILURES[name]
    page.route("**/test-answer", lambda route: route.fulfill(**answer))
    found = run("""return request("/test-answer", { method: "POST" })
        .catch(({ message, status, retryAfter }) => [message, status, retryAfter]);""")
    assert sentence in found[0]
    assert found[1:] == expected


def test_a_request_to_nobody_is_worth_repeating(run: Run, page: Page):
    page.route("**/test-answer", lambda route: route.abort())
    caught = ".catch(({ message, status, retryAfter }) => [message, status, retryAfter])"
    assert run(f'return request("/test-answer"){caught}') == ["The server cannot be reached.", 0, 0]


def test_a_page_to_log_in_on_is_a_refusal(run: Run):
    """A post of somebody whose session is over is redirected to a page, and would be so for ever."""
    assert run('return request("/").catch(({ retryAfter }) => retryAfter)') is None


def test_the_end_of_a_wait_comes_with_the_line_but_not_before_retry_after(run: Run):
    waited = run("""
        Math.random = () => 0.999999;
        const errors = [new RequestError("", 503, 300)];
        const started = performance.now();
        const online = setInterval(() => dispatchEvent(new Event("online")), 20);
        await insist(async () => { if (errors.length) throw errors.shift(); });
        clearInterval(online);
        return performance.now() - started;
    """)
    assert 300 <= waited < 900
