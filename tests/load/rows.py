"""What is measured of the WebSocket servers: each row all contenders side by side."""

import statistics
import time
from dataclasses import dataclass

from tests.load.contenders import Contender
from tests.load.generator import Failed, Fleet
from tests.load.measuring import Measuring, Size
from tests.load.table import Row, percentile

# Messages of one burst.
BURST = 40
# Bursts of one contender in a round, at most.
BURSTS = 10
# Messages of one round, one at a time.
SINGLES = 10
# Messages a second: the pace that all are measured at, and what is tried with those that can't.
PACES = (20, 5, 2, 1)
# Seconds. Who has the last message out later than this, and later than the next one would come,
# doesn't keep the pace.
BEHIND = 0.5


def memory(measuring: Measuring) -> list[Row]:
    """What an idle socket takes in the server's process. Before all others: the servers are fresh."""
    count = measuring.size.sockets
    row = Row("memory", f"memory of an idle socket, KiB, {count:,} sockets", "less")
    before = {}
    for contender in measuring.each(row):
        with measuring.attempt(contender, row):
            # What is imported or made for the first socket is not a socket's cost.
            contender.fill(50)
            contender.empty()
    contender.loop.rest(2)
    for contender in measuring.each(row):
        before[contender.name] = contender.memory()
        with measuring.attempt(contender, row):
            contender.fill(count)
    contender.loop.rest(3)
    for contender in measuring.each(row):
        row.add(contender.name, (contender.memory() - before[contender.name]) / count / 1024)
    return [row]


def deliveries(measuring: Measuring) -> list[Row]:
    """Bursts as fast as they are taken; a burst ends when the last socket has the last message.

    Who joins messages that come together into one write gains by a burst's length: read it with `singles`.
    """
    count = measuring.size.sockets
    row = Row("deliveries", f"deliveries/s, bursts of {BURST}, {count:,} sockets", "more")
    for contender in measuring.each(row):
        with measuring.attempt(contender, row):
            contender.fill(count)
            contender.publish("burst", BURST // 4, 60)
    for contender in measuring.rounds(row):
        with measuring.attempt(contender, row):
            row.add(contender.name, saturated(contender, measuring.size))
    return [row]


def saturated(contender: Contender, size: Size) -> float:
    """Deliveries a second over bursts that take about `size.slot` seconds."""
    taken, bursts = 0.0, 0
    while taken < size.slot and bursts < BURSTS:
        sent = contender.publish("burst", BURST, 60)
        taken += (contender.latest - sent[0]) / 1e9
        bursts += 1
    return BURST * bursts * size.sockets / taken


def singles(measuring: Measuring) -> list[Row]:
    """One message at a time, the next when all sockets have it: nothing can be joined."""
    count = measuring.size.sockets
    row = Row("singles", f"deliveries/s, one message at a time, {count:,} sockets", "more")
    for contender in measuring.rounds(row):
        with measuring.attempt(contender, row):
            contender.fill(count)
            taken = []
            for _ in range(SINGLES):
                [sent] = contender.publish("burst", 1, 60)
                taken.append((contender.latest - sent) / 1e9)
            row.add(contender.name, count / statistics.median(taken))
    return [row]


def visitors(measuring: Measuring) -> list[Row]:
    """What the visitors take at least: the joined bare loop's bursts once more, without nginx in between.

    Only a result well below it is a server's own.
    """
    count = measuring.size.sockets
    row = Row("visitors", f"what the visitors take at least, deliveries/s, {count:,} sockets", "more")
    row.notes["joined"] = "is without nginx"
    measuring = measuring.among(one for one in measuring.contenders if one.name == "joined")
    for bare in measuring.each(row):
        bare.empty()
        through_nginx, bare.fleets = bare.fleets, [Fleet(bare.loop, bare.port, "/", "http://localhost")]
        for contender in measuring.rounds(row):
            with measuring.attempt(contender, row):
                contender.fill(count)
                row.add(contender.name, saturated(contender, measuring.size))
        bare.empty()
        bare.fleets = through_nginx
    return [row]


@dataclass(frozen=True)
class Paced:
    """A run at a fixed rate: sorted latencies in ms, processor time of a delivery in µs, and if it kept."""

    latencies: list[float]
    cpu: float
    kept: bool


def paced(contender: Contender, pace: float, seconds: float) -> Paced:
    """Publish `pace` messages a second. Raises Failed when the last is 30 s late."""
    for fleet in contender.fleets:
        fleet.record()
    first, before = contender.published, contender.cpu()
    sent = contender.publish("paced", max(3, round(pace * seconds)), 30, rate=pace)
    latencies = []
    for fleet in contender.fleets:
        fleet.recording = False
        pairs = zip(fleet.numbers, fleet.times, strict=True)
        latencies += [(at - sent[number - first]) / 1e6 for number, at in pairs]
    cpu = (contender.cpu() - before) / len(latencies) * 1e6
    return Paced(sorted(latencies), cpu, contender.latest - sent[-1] < max(BEHIND, 1 / pace) * 1e9)


def find_pace(contender: Contender, wanted: float) -> float:
    """The highest of PACES, from `wanted` down, that a contender keeps for a second."""
    for pace in [pace for pace in PACES if pace <= wanted]:
        if paced(contender, pace, 1).kept:
            return pace
    raise Failed(f"falls behind at {PACES[-1]} message a second")


def latency(measuring: Measuring) -> list[Row]:
    """From a message's publication to each socket's having it, at the same rate for all who keep it."""
    count = measuring.size.sockets
    at = f"at {PACES[0] * count:,} deliveries/s"
    rows = p50, p99, cpu = (
        Row("p50", f"p50 {at}, ms", "less"),
        Row("p99", f"p99 {at}, ms", "less"),
        Row("cpu", f"processor time a delivery {at}, µs", "less"),
    )
    paces: dict[str, float] = {}
    for contender in measuring.each(*rows):
        with measuring.attempt(contender, *rows):
            contender.fill(count)
            paces[contender.name] = find_pace(contender, PACES[0])
    for contender in measuring.rounds(*rows):
        with measuring.attempt(contender, *rows):
            name = contender.name
            run = paced(contender, paces[name], measuring.size.seconds)
            if not run.kept and paces[name] > PACES[-1]:
                paces[name] = find_pace(contender, PACES[PACES.index(paces[name]) + 1])
                for row in rows:
                    row.samples.pop(name, None)
                run = paced(contender, paces[name], measuring.size.seconds)
            p50.add(name, percentile(run.latencies, 0.5))
            p99.add(name, percentile(run.latencies, 0.99))
            cpu.add(name, run.cpu)
    for name, pace in paces.items():
        if pace < PACES[0] and name not in p50.out:
            for row in rows:
                row.notes[name] = f"falls behind at that rate, measured at {pace * count:,} deliveries/s"
    return list(rows)


def connects(measuring: Measuring) -> list[Row]:
    """Clients with a session each, all at once, until each has its first frame."""
    count = measuring.size.connects
    row = Row("connects", f"connects/s with a session, {count:,} clients at once", "more")
    keys = measuring.contenders[0].publisher.ask("sessions", count=count)["sessions"]
    failures: dict[str, int] = {}
    for contender in measuring.each(row):
        contender.empty()
    for contender in measuring.rounds(row):
        contender.loop.rest(1)
        started = time.monotonic_ns()
        with measuring.attempt(contender, row):
            contender.ready()
            [fleet] = contender.fleets
            fleet.open(count, cookies=iter(keys), at_once=count)
            failures[contender.name] = failures.get(contender.name, 0) + fleet.failed
            row.add(contender.name, fleet.greeted / (fleet.greeted_at - started) * 1e9)
            contender.empty()
    for name, failed in failures.items():
        if failed:
            row.notes[name] = f"failed {failed} of {count * len(row.samples[name]):,} clients"
    return [row]
