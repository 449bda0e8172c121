"""live.js: every message once and in order, whatever order it comes in."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser
Run = Callable[..., Any]

# A server with `count` messages, of which it gives `size` at once.
SERVER = """
const { count, size } = argument;
const asked = [];
const server = { count, fetchAfter: async (last) => {
  asked.push(last);
  const messages = [];
  for (let seq = last + 1; seq <= server.count && messages.length < size; seq++) messages.push({ seq });
  return { messages, more: (messages.at(-1)?.seq ?? last) < server.count };
} };
"""


def test_a_sequence_hands_on_each_message_once_and_in_order(run: Run):
    body = """
        const sequence = listen(new Sequence({ last: 0, ...server }), "message");
        for (const seq of [1, 2, 2, 5, 4, 1, 9, 7]) sequence.receive({ seq });
        await sequence.catchUp();
        await sequence.receive({ seq: 10 });
        return [numbers(), asked, sequence.last];
    """
    handed_on, asked, last = run(SERVER + body, {"count": 9, "size": 3})
    assert handed_on == list(range(1, 11))
    assert asked == [2, 5, 9]
    assert last == 10


def test_a_sequence_asks_again_for_what_came_after_its_question(run: Run):
    """A post is answered with 3 while a page that ends at 1 is under way, and 2 is late on the socket."""
    body = """
        const sequence = listen(new Sequence({ last: 0, async fetchAfter(last) {
          const page = await server.fetchAfter(last);
          if (asked.length === 1) {
            server.count = 3;
            sequence.receive({ seq: 3 });
          }
          return page;
        } }), "message");
        await sequence.catchUp();
        return numbers();
    """
    assert run(SERVER + body, {"count": 1, "size": 10}) == [1, 2, 3]


def test_a_sequence_passes_over_numbers_that_do_not_exist(run: Run):
    body = """
        const sequence = listen(new Sequence({ last: 2, ...server }), "message");
        sequence.receive({ seq: 9 });
        await sequence.receive({ seq: 7 });
        return numbers();
    """
    assert run(SERVER + body, {"count": 2, "size": 10}) == [7, 9]


def test_a_sequence_takes_nothing_without_a_number(run: Run):
    body = """
        const sequence = listen(new Sequence({ last: 2, ...server }), "message");
        const error = await sequence.receive({ type: "hello" }).catch(({ name }) => name);
        await sequence.receive({ seq: 3 });
        return [error, numbers(), asked];
    """
    assert run(SERVER + body, {"count": 2, "size": 10}) == ["TypeError", [3], []]


def test_a_sequence_says_why_it_cannot_catch_up_and_tries_again(run: Run):
    body = """
        const answers = [new RequestError("Away", 503, 0), new RequestError("No", 403, null)];
        const sequence = listen(new Sequence({ last: 0, async fetchAfter(last) {
          if (answers.length) throw answers.shift();
          return server.fetchAfter(last);
        } }), "message", "error");
        await sequence.receive({ seq: 3 });
        const refused = [numbers(), log[0][1].message];
        await sequence.receive({ seq: 4 });
        return [...refused, numbers()];
    """
    assert run(SERVER + body, {"count": 4, "size": 10}) == [[], "No", [1, 2, 3, 4]]
