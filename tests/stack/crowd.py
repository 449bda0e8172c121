"""Many visitors of a room at once. Each does what the page does: see socket.js, feed.js and api.js."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.machine import wait_for
from tests.stack.visitor import Visitor

LOST = 1006
RESTARTING = {1001, 1012}
UNWELCOME = {1003, 1007, 1008, 1009, 1013, 4408, 4429}
# Seconds. A connection that lasted that long was a good one: the next failure is the first again.
STABLE_AFTER = 10
# Answers after which a post is repeated.
TEMPORARY = {429, 502, 503, 504}


def reconnect_delay(code: int, attempt: int) -> float:
    """Seconds, drawn from zero upwards, as reconnectDelay() in socket.js has them."""
    if code in RESTARTING:
        return random.uniform(0, 3)
    first = 4 if code in UNWELCOME else 1
    return random.uniform(0, min(60, first * 2**attempt))


@dataclass
class Post:
    """A message on its way: when it was first sent and when answered, and its number since."""

    sent: float
    answered: float = 0
    number: int = 0


@dataclass(eq=False)
class Reader:
    """One page that is open."""

    crowd: "Crowd"
    last: int
    # (number, text, when): whatever came, as it came. A page would drop what it has already.
    received: list[tuple[int, str, float]] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)

    async def run(self) -> None:
        attempt = 0
        while True:
            started = time.monotonic()
            code = await self.follow()
            self.codes[code] += 1
            # What a page stops for must not happen to anyone here.
            assert code not in (1000, 4401, 4403, 4404), f"closed for good with {code}"
            if time.monotonic() - started >= STABLE_AFTER:
                attempt = 0
            await asyncio.sleep(reconnect_delay(code, attempt))
            attempt += 1

    async def follow(self) -> int:
        """Read from one socket to its end; returns the close code as a browser would give it."""
        url = f"{self.crowd.url.replace('http', 'ws', 1)}/ws/board/lobby/?after={self.last}"
        try:
            async with connect(url, origin=self.crowd.url, ping_interval=15, ping_timeout=10) as socket:
                while True:
                    self.take(json.loads(await socket.recv()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else LOST
        except (OSError, WebSocketException, TimeoutError):
            return LOST

    def take(self, frame: dict) -> None:
        # Nobody is ever so far behind here that the server says resync.
        assert frame["type"] in ("hello", "message"), frame
        if frame["type"] == "message":
            self.last = frame["message"]["seq"]
            self.received.append((self.last, frame["message"]["text"], time.monotonic()))

    def newest(self) -> float:
        """When the last message that came was first sent."""
        return self.crowd.posts[self.received[-1][1]].sent if self.received else 0

    def waited(self, moment: float) -> float:
        """Seconds from a moment to the first message that was first sent after it."""
        return next(at for _, text, at in self.received if self.crowd.posts[text].sent > moment) - moment


class Crowd:
    """Readers, and a steady stream of posts. `crowd()` makes one."""

    def __init__(self, url: str, size: int, rate: float, start: int):
        self.url = url
        self.rate = rate
        self.start = start
        self.readers = [Reader(self, start) for _ in range(size)]
        self.posts: dict[str, Post] = {}
        self.sessions: list[tuple[httpx.AsyncClient, str]] = []
        # Seconds that this process itself was late at most: what the machine's other work costs.
        self.stutter = 0.0

    async def post(self) -> None:
        """Post one message, until it is answered for good."""
        http, token = random.choice(self.sessions)
        key = str(uuid4())
        post = self.posts[key] = Post(time.monotonic())
        headers = {"X-CSRFToken": token, "Origin": self.url, "Accept": "application/json"}
        for attempt in count():
            wait = 0.0
            with suppress(httpx.TransportError):
                answer = await http.post(
                    "/board/lobby/messages", data={"text": key, "key": key}, headers=headers
                )
                if answer.status_code in (200, 201):
                    post.number = answer.json()["message"]["seq"]
                    post.answered = time.monotonic()
                    return
                assert answer.status_code in TEMPORARY, answer.text
                wait = float(answer.headers.get("Retry-After", 0))
            await asyncio.sleep(wait + reconnect_delay(LOST, attempt))

    async def post_steadily(self, ended: asyncio.Event) -> None:
        """Post at the rate whatever becomes of each; returns when all are answered."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not ended.is_set():
                group.create_task(self.post())
                due += 1 / self.rate
                await asyncio.sleep(due - time.monotonic())
                self.stutter = max(self.stutter, time.monotonic() - due)

    async def all_read_on(self, moment: float, seconds: float = 30) -> float:
        """Wait until everyone has a message that was first sent after a moment.

        Returns the seconds from that moment until the last one had. Raises TimeoutError.
        """
        await self.all("reads on", lambda reader: reader.newest() > moment, seconds)
        return max(reader.waited(moment) for reader in self.readers)

    async def all(self, what: str, condition: Callable[[Reader], bool], seconds: float = 30) -> None:
        """Wait until a condition holds for every reader. Raises TimeoutError."""
        try:
            await asyncio.to_thread(
                wait_for, f"everyone {what}", lambda: all(map(condition, self.readers)), seconds
            )
        except TimeoutError as error:
            late = Counter(reader.last for reader in self.readers if not condition(reader))
            error.add_note(f"these not (last number, readers): {late.most_common(5)}; closed: {self.codes()}")
            raise

    def codes(self) -> dict[int, int]:
        """How often sockets were closed, by code."""
        return dict(sum((reader.codes for reader in self.readers), Counter()))

    def board(self) -> list[tuple[int, str]]:
        """Number and text of everything that was acknowledged, in the order of the numbers."""
        return sorted((post.number, text) for text, post in self.posts.items() if post.number)

    def check(self) -> None:
        """Nothing acknowledged is missing, doubled or out of order, for anyone; no number is left out."""
        board = self.board()
        numbers = [number for number, _ in board]
        assert numbers == list(range(self.start + 1, self.start + 1 + len(board))), f"a gap in {numbers}"
        for reader in self.readers:
            received = [(number, text) for number, text, _ in reader.received]
            missing = sorted(set(board) - set(received))
            doubled = [message for message, times in Counter(received).items() if times > 1]
            assert not missing, f"{len(missing)} missing: {missing[:5]}"
            assert not doubled, f"{len(doubled)} doubled: {doubled[:5]}"
            assert received == board, f"not in order: {received}"


@asynccontextmanager
async def crowd(url: str, size: int = 200, rate: float = 10) -> AsyncIterator[Crowd]:
    """`size` readers of the lobby and `rate` posts a second in all; checked when the block ends."""
    ended = asyncio.Event()
    async with AsyncExitStack() as opened:
        visitors = [opened.enter_context(Visitor(url)) for _ in range(4)]
        crowd = Crowd(url, size, rate, visitors[0].last())
        for visitor in visitors:
            visitor.open()
            http = httpx.AsyncClient(base_url=url, cookies=visitor.http.cookies, timeout=15)
            crowd.sessions.append((await opened.enter_async_context(http), visitor.token))
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(reader.run()) for reader in crowd.readers]
            poster = group.create_task(crowd.post_steadily(ended))
            await crowd.all_read_on(time.monotonic())
            yield crowd
            ended.set()
            await poster
            last, _ = crowd.board()[-1]
            await crowd.all("has the last message", lambda reader: reader.last >= last)
            for reader in readers:
                reader.cancel()
    crowd.check()
