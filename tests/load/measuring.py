"""How a row is measured: in rounds over all contenders, so that a slow minute of the machine meets all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.load.contenders import Contender
from tests.load.generator import Failed
from tests.load.table import Row


@dataclass(frozen=True)
class Size:
    """How much is measured.

    `connects` are clients at once. In one round a contender gets bursts for `slot` seconds, a pace
    and page requests for `seconds`, and `posts` of them.
    """

    sockets: int = 1000
    rounds: int = 4
    slot: float = 2
    seconds: float = 5
    connects: int = 500
    posts: int = 40


FULL = Size()
QUICK = Size(sockets=500, rounds=2, slot=0.5, seconds=2, connects=200, posts=20)


class Measuring:
    """What a row needs: who takes part, how much, and where to say how far it is."""

    def __init__(self, contenders: list[Contender], size: Size, say: Callable[[str], None]):
        self.contenders = contenders
        self.size = size
        self.say = say

    def among(self, contenders: Iterable[Contender]) -> "Measuring":
        """The same with others, or with some of them."""
        return Measuring(list(contenders), self.size, self.say)

    def each(self, *rows: Row) -> Iterator[Contender]:
        """Those who take part. Who can't is named in `rows`, and who failed in them is left out."""
        for contender in self.contenders:
            if contender.reason:
                for row in rows:
                    row.out[contender.name] = contender.reason
            elif not any(contender.name in row.out for row in rows):
                yield contender

    @contextmanager
    def attempt(self, contender: Contender, *rows: Row) -> Iterator[None]:
        """A contender that doesn't do it in time is out of these rows, with the reason."""
        try:
            yield
        except Failed as error:
            self.say(f"  {contender.name}: {error}")
            contender.empty()
            for row in rows:
                row.samples.pop(contender.name, None)
                row.out[contender.name] = f"is out: {error}"

    def rounds(self, *rows: Row) -> Iterator[Contender]:
        """Each contender in turn, again and again."""
        for number in range(1, self.size.rounds + 1):
            for contender in self.each(*rows):
                yield contender
                done = [row for row in rows if contender.name in row.samples]
                said = ", ".join(f"{row.name} {row.samples[contender.name][-1]:,.4g}" for row in done)
                if said:
                    self.say(f"  {number}/{self.size.rounds} {contender.name}: {said}")
