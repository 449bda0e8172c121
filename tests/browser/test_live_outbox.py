"""live.js: posts that are kept and sent until they are answered."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.board import expect_kept

pytestmark = pytest.mark.browser
Run = Callable[..., Any]


def test_an_outbox_sends_one_after_the_other_in_order(run: Run):
    sent, at_once = run("""
        let now = 0, most = 0, attempts = 0;
        const outbox = listen(new Outbox("order", { async send({ body }) {
          most = Math.max(most, ++now);
          await new Promise((go) => setTimeout(go, 10 - body));
          now--;
          if (attempts++ === 0) throw new RequestError("Away", 503, 0);
          return { got: body };
        } }), "sent");
        outbox.start();
        for (let body = 1; body <= 5; body++) outbox.add(body);
        await until(() => log.length === 5);
        return [log.map(([, { answer }]) => answer.got), most];
    """)
    assert sent == [1, 2, 3, 4, 5]
    assert at_once == 1


def test_an_outbox_returns_what_is_refused_and_goes_on(run: Run):
    events = run("""
        const outbox = listen(new Outbox("refusal", { async send({ body }) {
          if (body === "bad") throw new RequestError("No", 403, null);
          return {};
        } }), "waiting", "sent", "returned");
        outbox.start();
        outbox.add("bad", "a-key");
        outbox.add("good");
        await until(() => log.length === 4);
        return log.map(([type, { body, error }]) => [type, body, error?.message ?? null]);
    """)
    assert events == [
        ["waiting", "bad", None],
        ["waiting", "good", None],
        ["returned", "bad", "No"],
        ["sent", "good", None],
    ]


def test_an_outbox_keeps_what_a_listener_adds_again(run: Run, page: Page):
    """The first entry's end must not delete the second one, which has the same key."""
    body = """
        const outbox = new Outbox("again", { send: () => argument
          ? { then() {} }
          : Promise.reject(new RequestError("No", 403, null)) });
        let refusals = 0;
        listen(outbox, "waiting");
        outbox.addEventListener("returned", ({ detail }) => {
          argument = true;
          outbox.add(detail.body, detail.key);
        });
        outbox.start();
        outbox.add("still here");
        await until(() => log.length === 2);
    """
    run(body, False)
    expect_kept(page, 1)
    page.reload()
    run("""
        const outbox = listen(new Outbox("again", { send: async () => ({}) }), "sent");
        outbox.start();
        await until(() => log.length);
        if (log[0][1].body !== "still here") throw new Error(JSON.stringify(log));
    """)


def test_outboxes_of_different_names_keep_apart(run: Run, page: Page):
    run("""
        const outbox = listen(new Outbox("mine", { send: () => new Promise(() => {}) }), "waiting");
        outbox.add("secret");
        await until(() => log.length);
    """)
    expect_kept(page, 1)
    page.reload()
    names = run("""
        for (const name of ["yours", "mine"]) {
          const outbox = new Outbox(name, { send: async () => ({}) });
          outbox.addEventListener("sent", () => log.push(name));
          outbox.start();
        }
        await until(() => log.length);
        return log;
    """)
    assert names == ["mine"]
