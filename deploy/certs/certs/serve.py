"""What the service does all its life."""

import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import NoReturn

from certs import acme, schedule, store
from certs.explain import Problem, explain
from certs.health import INSTALL, complaint, describe, lasting
from certs.log import at, now, say
from certs.settings import Settings


def nothing(settings: Settings) -> NoReturn:
    """TLS=off."""
    say("INFO", "TLS is off: there is no certificate to look after.")
    while True:
        signal.pause()


def own_files(settings: Settings) -> NoReturn:
    """TLS=files: say once a day, and when it changes, how long the certificate lasts."""
    said, quiet = b"", now()
    while True:
        try:
            pair = store.read(settings.certificates / "site")
            level, sentence = "INFO", describe(pair, now())
            if wrong := complaint(settings, now()):
                level, sentence = "ERROR", wrong
            elif now() > max(schedule.renewal(pair), pair.ends - timedelta(days=30)):
                level, sentence = "WARNING", f"{sentence} {INSTALL}"
            found = pair.fingerprint
        except store.Unusable as error:
            level, sentence, found = "ERROR", f"{error} {INSTALL}", b"none"
        if found != said or now() > quiet:
            say(level, sentence)
            said, quiet = found, now() + timedelta(days=1)
        time.sleep(10)


def from_ca(settings: Settings) -> NoReturn:
    """TLS=acme: have a certificate, and a new one before it ends."""
    settings.acme.mkdir(parents=True, exist_ok=True)
    attempts = schedule.Attempts(settings.acme / "attempts.json")
    failures: Counter[bool] = Counter()
    # What certbot got when this was stopped before it could publish it.
    publish(settings)
    while True:
        wake = attempts.allowed(settings.names, now())
        if wake > now():
            problem = attempts.problem or "certbot was stopped too often before it ended."
            say("WARNING", f"{problem} The CA is not asked before {at(wake)}.")
        else:
            wake = attempt(settings, attempts, failures)
        # In short steps: a machine that was asleep, or whose clock was set, has missed some of them.
        while now() < wake:
            time.sleep(min(60, max(0, (wake - now()).total_seconds())))


def attempt(settings: Settings, attempts: schedule.Attempts, failures: Counter[bool]) -> datetime:
    """Ask certbot once and publish what it has. Returns when to ask again."""
    if acme.clear_ruins(settings):
        say("WARNING", "What certbot kept was incomplete and is taken away: a new certificate is asked for.")
    attempts.begin(settings.names, now())
    said = acme.ask(settings)
    problem = explain(said, settings.names) if said is not None else publish(settings)
    if problem is None:
        attempts.end(settings.names, failed=(), retry=None, problem="")
        failures.clear()
        pair = acme.live(settings)
        wake = schedule.next_look(pair, now())
        say("INFO", f"{describe(pair, now())} certbot looks again at {at(wake)}.")
        return wake
    failures[problem.soon] += 1
    attempts.end(settings.names, problem.names, problem.retry, problem.sentence)
    wait = schedule.after_failure(failures[problem.soon], problem.soon)
    wake = attempts.allowed(settings.names, now() + wait)
    level = "ERROR" if complaint(settings, now()) else "WARNING"
    say(level, f"{problem.sentence} The next attempt is at {at(wake)}. {lasting(settings, now())}".strip())
    return wake


def publish(settings: Settings) -> Problem | None:
    """Give nginx the pair that certbot has, unless it is in use already."""
    try:
        pair = acme.live(settings)
        pair.check(settings.names, now())
    except store.Unusable as error:
        return Problem(f"certbot ended well, but: {error}", frozenset(settings.names))
    try:
        in_use = store.read(settings.certificates / "site").fingerprint
    except store.Unusable:
        in_use = b""
    if pair.fingerprint != in_use:
        store.publish(pair, settings.certificates)
    return None
