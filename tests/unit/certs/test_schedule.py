"""When certbot is asked, and what is remembered of the times that it was."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from certs import schedule
from tests.unit.certs.pairs import DAY, HOUR, NAMES, NOW, pair


@pytest.mark.parametrize(
    ("life", "renewed"),
    [
        (90 * DAY, 60 * DAY),
        (47 * DAY, 47 * DAY * 2 / 3),
        (6 * DAY, 3 * DAY),
        (timedelta(seconds=90), timedelta(seconds=45)),
    ],
)
def test_certbot_is_asked_twice_a_day_and_when_the_certificate_is_due(life: timedelta, renewed: timedelta):
    found = pair(life=life)
    looks = [NOW]
    while looks[-1] < NOW + renewed:
        looks.append(schedule.next_look(found, looks[-1]))
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert all(timedelta(0) < pause <= 12 * HOUR for pause in pauses)
    # The first look after the moment comes soon after it.
    assert looks[-1] - NOW - renewed < max(life / 100, timedelta(seconds=2))


def test_a_ca_that_wants_it_later_is_asked_again_while_there_is_life_left():
    short = pair(life=timedelta(seconds=90))
    now, asked = NOW + timedelta(seconds=46), 0
    while now < short.ends:
        now, asked = schedule.next_look(short, now), asked + 1
    assert 10 < asked < 40
    old = pair(life=90 * DAY)
    assert schedule.next_look(old, NOW + 61 * DAY) - (NOW + 61 * DAY) > 10 * HOUR


def test_failures_back_off_and_an_unreachable_ca_is_tried_sooner():
    minutes = [schedule.after_failure(count, soon=False) / timedelta(minutes=1) for count in range(1, 12)]
    for found, expected in zip(minutes, [1, 5, 15, 60, 120, 240, 480, 720, 720, 720, 720], strict=True):
        assert expected <= found <= expected * 1.1
    seconds = [schedule.after_failure(count, soon=True).total_seconds() for count in range(1, 9)]
    for found, expected in zip(seconds, [10, 20, 40, 80, 160, 320, 600, 600], strict=True):
        assert expected <= found <= expected * 1.1


def test_four_failures_of_a_name_within_an_hour_are_the_last_whatever_restarts(tmp_path: Path):
    file = tmp_path / "attempts.json"
    for minute in range(4):
        attempts = schedule.Attempts(file)
        moment = NOW + timedelta(minutes=minute)
        assert attempts.allowed(NAMES, moment) == moment
        attempts.begin(NAMES, moment)
        attempts.end(NAMES, {"b.example.com"}, None, "closed")
    attempts = schedule.Attempts(file)
    later = NOW + timedelta(minutes=5)
    assert attempts.allowed(NAMES, later) == NOW + HOUR
    assert attempts.problem == "closed"
    # The other name, alone, has none; and after the hour there is room for one more.
    assert attempts.allowed(NAMES[:1], later) == later
    assert attempts.allowed(NAMES, NOW + HOUR) == NOW + HOUR
    attempts.begin(NAMES, NOW + HOUR)
    assert attempts.allowed(NAMES, NOW + HOUR + timedelta(seconds=1)) == NOW + HOUR + timedelta(minutes=1)


def test_an_attempt_whose_end_nobody_saw_counts_as_failed(tmp_path: Path):
    file = tmp_path / "attempts.json"
    for second in range(4):
        schedule.Attempts(file).begin(NAMES, NOW + timedelta(seconds=second))
    assert schedule.Attempts(file).allowed(NAMES, NOW + timedelta(minutes=1)) == NOW + HOUR


def test_the_time_that_the_ca_gives_is_kept_for_these_names(tmp_path: Path):
    file = tmp_path / "attempts.json"
    attempts = schedule.Attempts(file)
    attempts.begin(NAMES, NOW)
    attempts.end(NAMES, (), NOW + 30 * HOUR, "limit")
    assert schedule.Attempts(file).allowed(NAMES, NOW) == NOW + 30 * HOUR
    assert schedule.Attempts(file).allowed(NAMES[:1], NOW) == NOW


@pytest.mark.parametrize("content", ["", "[]", "{", '{"failed": 1}', '{"failed": {"a": ["x"]}, "retry": {}}'])
def test_a_broken_record_of_attempts_is_begun_anew(tmp_path: Path, content: str):
    file = tmp_path / "attempts.json"
    file.write_text(content)
    assert schedule.Attempts(file).allowed(NAMES, NOW) == NOW
