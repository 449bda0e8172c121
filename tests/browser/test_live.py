"""live.js by itself, on a page that has nothing to do with the board."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page
from websockets.sync.server import ServerConnection, serve

from tests.browser.board import expect_kept

pytestmark = pytest.mark.browser
Run = Callable[..., Any]

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


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    return visit("/board/nowhere/")


@pytest.fixture
def run(page: Page, stack) -> Run:
    """Run the body of an async function with all of live.js in scope, `argument`, and the PRELUDE."""
    board = httpx.get(f"{stack.url}/board/lobby/").text
    script = urljoin(stack.url, re.search(r'src="([^"]+/board\.[^"]+\.js)"', board)[1])
    module = urljoin(script, re.search(r'from "([^"]+/live\.\w+\.js)"', httpx.get(script).text)[1])
    names = "{ LiveSocket, Outbox, RequestError, Sequence, insist, reconnectDelay, request }"

    def run(body: str, argument: object = None) -> Any:
        page.evaluate(f'import("{module}").then((module) => void (window.live = module))')
        return page.evaluate(f"async (argument) => {{ const {names} = live; {PRELUDE} {body} }}", argument)

    return run


# Milliseconds at most before the first, second and tenth attempt; None for a client that stops.
LONGEST = {
    1000: None,
    4401: None,
    4403: None,
    4404: None,
    1001: (3_000, 3_000, 3_000),
    1012: (3_000, 3_000, 3_000),
    1006: (1_000, 2_000, 60_000),
    1011: (1_000, 2_000, 60_000),
    1013: (4_000, 8_000, 60_000),
    1008: (4_000, 8_000, 60_000),
    4408: (4_000, 8_000, 60_000),
    4429: (4_000, 8_000, 60_000),
}


@pytest.mark.parametrize("code", LONGEST)
def test_a_close_code_says_whether_and_when_to_come_back(run: Run, code: int):
    """Full jitter: anything from zero to the longest wait."""
    for share in (0, 0.5, 1):
        waits = run(
            "const [code, share] = argument;"
            "return [0, 1, 9].map((attempt) => reconnectDelay(code, attempt, () => share));",
            [code, share],
        )
        longest = LONGEST[code]
        assert waits == ([None] * 3 if longest is None else [share * wait for wait in longest])


@contextmanager
def sockets(on_open: Callable[[ServerConnection, int], None]) -> Iterator[tuple[str, list[str]]]:
    """A WebSocket server: its address, and the paths asked for. `on_open` gets each socket with its index."""
    paths: list[str] = []

    def handle(socket: ServerConnection) -> None:
        paths.append(socket.request.path)
        on_open(socket, len(paths) - 1)

    with serve(handle, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}", paths
        finally:
            server.shutdown()
            thread.join()


def test_a_socket_resumes_where_it_was_after_a_restart(run: Run):
    def on_open(socket: ServerConnection, index: int) -> None:
        socket.send(f'{{"seq": {index + 1}}}')
        if index == 0:
            socket.close(1012)
        for _ in socket:
            pass

    with sockets(on_open) as (address, paths):
        states = run(
            """
            const sequence = new Sequence({ last: 0, fetchAfter: null });
            const socket = new LiveSocket({ url: () => `${argument}/${sequence.last}` });
            listen(socket, "state").addEventListener("message", ({ detail }) => sequence.receive(detail));
            socket.start();
            await until(() => sequence.last === 2);
            socket.stop();
            return log.map(([, { state, code }]) => [state, code]);
            """,
            address,
        )
    assert paths == ["/0", "/1"]
    assert states == [
        ["connecting", None],
        ["open", None],
        ["waiting", 1012],
        ["connecting", None],
        ["open", None],
        ["stopped", 1000],
    ]


def test_a_socket_stops_where_there_is_nothing_to_come_back_for(run: Run):
    with sockets(lambda socket, index: socket.close(4404)) as (address, paths):
        code = run(
            """
            const socket = listen(new LiveSocket({ url: () => argument }), "state");
            socket.start();
            await until(() => socket.state === "stopped");
            return log.at(-1)[1].code;
            """,
            address,
        )
    assert code == 4404
    assert len(paths) == 1


def test_a_socket_whose_ping_is_not_answered_counts_as_lost(run: Run):
    frames: list[str] = []

    def on_open(socket: ServerConnection, index: int) -> None:
        socket.send("{}")
        frames.extend(socket)

    with sockets(on_open) as (address, _):
        states = run(
            """
            const socket = listen(new LiveSocket({ url: () => argument, answerWithin: 1_000 }), "state");
            socket.start();
            await until(() => socket.state === "waiting");
            socket.stop();
            return log.slice(0, 3).map(([, { state, code }]) => [state, code]);
            """,
            address,
        )
    assert states == [["connecting", None], ["open", None], ["waiting", 1006]]
    assert frames == ['{"type":"ping","id":1}']


def test_a_waiting_socket_comes_back_at_once_with_the_line(run: Run):
    def on_open(socket: ServerConnection, index: int) -> None:
        if index == 0:
            socket.close(4429)
        for _ in socket:
            pass

    with sockets(on_open) as (address, _):
        waited = run(
            """
            const socket = new LiveSocket({ url: () => argument });
            Math.random = () => 0.999999;
            socket.start();
            await until(() => socket.state === "waiting");
            const before = performance.now();
            dispatchEvent(new Event("online"));
            await until(() => socket.state === "open");
            socket.stop();
            return performance.now() - before;
            """,
            address,
        )
    assert waited < 2_000


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
