"""When to ask the CA again."""

import json
import os
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from certs.store import Pair

OFTEN = timedelta(hours=12)
# Let's Encrypt takes 5 failed validations of a name an hour, and asks no questions about the sixth.
LIMIT = 4
HOUR = timedelta(hours=1)
FAILED = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480, 720)]
UNANSWERED = [timedelta(seconds=seconds) for seconds in (10, 20, 40, 80, 160, 320, 600)]


def renewal(pair: Pair) -> datetime:
    """When certbot renews: with a third of its life left, or half of it when that is under 10 days."""
    life = pair.ends - pair.begins
    return pair.ends - life / (2 if life < timedelta(days=10) else 3)


def alarm(pair: Pair) -> datetime:
    """When a certificate that nobody has renewed is a reason to worry: with a sixth of its life left."""
    return pair.ends - min((pair.ends - pair.begins) / 6, timedelta(days=15))


def next_look(pair: Pair, now: datetime) -> datetime:
    """When to ask certbot whether it is time: twice a day, and in time for a short-lived certificate.

    A CA may want it later than certbot (ARI, RFC 9773): then it is asked again while there is life left.
    """
    due = renewal(pair)
    wanted = due if now <= due else now + (pair.ends - now) / 10
    # certbot wants the moment to be over.
    return min(now + OFTEN * random.uniform(0.9, 1), max(wanted, now) + timedelta(seconds=1))


def after_failure(count: int, soon: bool) -> timedelta:
    """How long to wait after so many failures of a kind."""
    waits = UNANSWERED if soon else FAILED
    return waits[min(count, len(waits)) - 1] * random.uniform(1, 1.1)


class Attempts:
    """What the CA counts, kept over restarts: when each name failed, and when it wants to be asked again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            kept = json.loads(file.read_text())
            self.failed = {
                n: [datetime.fromisoformat(t) for t in times] for n, times in kept["failed"].items()
            }
            self.retry = {n: datetime.fromisoformat(time) for n, time in kept["retry"].items()}
            self.problem = str(kept["problem"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.failed, self.retry, self.problem = {}, {}, ""

    def allowed(self, names: Sequence[str], now: datetime) -> datetime:
        """When these names may be asked for; not after `now` when they may be at once."""
        times = [times[-LIMIT] + HOUR for n in names if len(times := self.failed.get(n, [])) >= LIMIT]
        return max([*times, self.retry.get(",".join(names), now), now])

    def begin(self, names: Iterable[str], now: datetime) -> None:
        """Count an attempt as failed until it is known to be not: its end may never be seen."""
        for name in names:
            recent = [time for time in self.failed.get(name, []) if time > now - HOUR]
            self.failed[name] = [*recent, now]
        self.save()

    def end(self, names: Sequence[str], failed: Iterable[str], retry: datetime | None, problem: str) -> None:
        """Keep what the attempt that was begun last has come to."""
        for name in set(names) - set(failed):
            self.failed[name] = self.failed[name][:-1]
        self.retry = {",".join(names): retry} if retry else {}
        self.problem = problem
        self.save()

    def save(self) -> None:
        failed = {name: [time.isoformat() for time in times] for name, times in self.failed.items() if times}
        retry = {names: time.isoformat() for names, time in self.retry.items()}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"failed": failed, "retry": retry, "problem": self.problem}, indent=1))
        os.replace(new, self.file)
