"""What is measured. Each row is a function that measures all contenders side by side, in rounds."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.load.contenders import Contender
from tests.load.generator import OutOfTimeError

# Messages of one burst.
BURST = 40
# Seconds that one contender's bursts take in a round, about, and how many they are at most.
SLOT, BURSTS = 2.0, 10


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    sockets: int = 1000
    rounds: int = 5


FULL = Size()
QUICK = Size(sockets=500, rounds=2)


@dataclass
class Row:
    """One line of the table: the rounds of each contender, and what else there is to say of it."""

    name: str
    title: str
    unit: str
    better: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, contender: str, value: float) -> None:
        self.samples.setdefault(contender, []).append(value)

    def value(self, contender: str) -> float | None:
        """The median of its rounds."""
        return statistics.median(self.samples[contender]) if self.samples.get(contender) else None

    def ratio(self, contender: str) -> float | None:
        """Ours divided by its."""
        ours, its = self.value("ours"), self.value(contender)
        return ours / its if ours is not None and its else None


class Measuring:
    """What a row needs: who takes part, how much, and where to say how far it is."""

    def __init__(self, contenders: list[Contender], size: Size, say: Callable[[str], None]):
        self.contenders = contenders
        self.size = size
        self.say = say

    def each(self, *rows: Row) -> Iterator[Contender]:
        """Those who can take part. Who can't, or failed in this row before, is noted in `rows`."""
        for contender in self.contenders:
            if contender.reason:
                for row in rows:
                    row.notes[contender.name] = contender.reason
            elif not any(contender.name in row.notes for row in rows):
                yield contender

    @contextmanager
    def attempt(self, contender: Contender, *rows: Row) -> Iterator[None]:
        """A contender that doesn't do it in time is noted, and is out of these rows."""
        try:
            yield
        except OutOfTimeError as error:
            self.say(f"  {contender.name}: {error}")
            contender.empty()
            for row in rows:
                row.notes[contender.name] = f"not in time: {error}"


def deliveries(measuring: Measuring) -> list[Row]:
    """Bursts as fast as they are taken; a burst ends when the last socket has the last message."""
    size = measuring.size
    row = Row("deliveries", f"deliveries/s at saturation, {size.sockets:,} sockets", "/s", "more")
    for contender in measuring.each(row):
        with measuring.attempt(contender, row):
            contender.fill(size.sockets)
            contender.publish("burst", BURST // 4, 60)
    for number in range(1, size.rounds + 1):
        for contender in measuring.each(row):
            with measuring.attempt(contender, row):
                taken, bursts = 0.0, 0
                while taken < SLOT and bursts < BURSTS:
                    sent = contender.publish("burst", BURST, 60)
                    taken += (contender.latest - sent[0]) / 1e9
                    bursts += 1
                rate = BURST * bursts * size.sockets / taken
                row.add(contender.name, rate)
                measuring.say(f"  {number}/{size.rounds} {contender.name}: {rate:,.0f}/s")
    return [row]


ROWS: dict[str, Callable[[Measuring], list[Row]]] = {"deliveries": deliveries}
