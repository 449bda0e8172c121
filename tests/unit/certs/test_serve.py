"""One attempt, with what certbot would say and leave."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from certs import acme, health, schedule, serve, settings
from tests.unit.certs.pairs import HOUR, NAMES, NOW, fresh


def attempt(configured: settings.Settings, failures: Counter[bool] | None = None) -> datetime:
    attempts = schedule.Attempts(configured.acme / "attempts.json")
    return serve.attempt(configured, attempts, Counter() if failures is None else failures)


def test_what_certbot_got_is_published_once_and_told(configured, certbot, capsys):
    certbot(None, fresh(*NAMES))
    wake = attempt(configured)
    assert 10 * HOUR < wake - datetime.now(UTC) <= 12 * HOUR
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == "INFO"
    for words in ("a.example.com, b.example.com", "89 days from now", "issued by a.example.com"):
        assert words in line["message"]
    assert health.complaint(configured, datetime.now(UTC)) == ""
    before = (configured.certificates / "site").readlink()
    attempt(configured)
    assert (configured.certificates / "site").readlink() == before


def test_a_failure_is_told_with_the_next_attempt_and_counted(configured, certbot, capsys):
    certbot(
        "  Identifier: b.example.com\n  Type:   dns\n  Detail: NXDOMAIN\n\nSome challenges have failed.\n"
    )
    failures: Counter[bool] = Counter()
    for minutes in (1, 5, 15):
        wake = attempt(configured, failures)
        assert minutes <= (wake - datetime.now(UTC)) / timedelta(minutes=1) + 0.1 <= minutes * 1.1 + 0.2
        line = json.loads(capsys.readouterr().out)
        assert line["level"] == "ERROR"
        assert f"The next attempt is at {wake:%Y-%m-%d %H:%M:%S} UTC." in line["message"]
    assert "There is no certificate yet. b.example.com has no DNS record" in health.complaint(configured, NOW)


def test_a_failed_renewal_is_a_warning_while_the_certificate_lives(configured, certbot, capsys):
    certbot(None, fresh(*NAMES))
    attempt(configured)
    certbot("An unexpected error occurred:\nrequests.exceptions.ReadTimeout: Read timed out.\n")
    assert attempt(configured) - datetime.now(UTC) < timedelta(seconds=12)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["level"] == "WARNING"
    assert line["message"].endswith("89 days from now.")


def test_a_start_publishes_what_certbot_has_and_waits_where_too_many_attempts_were_cut_off(
    configured, certbot, capsys, monkeypatch
):
    certbot(None, fresh(*NAMES))
    acme.ask(configured)
    attempts = schedule.Attempts(configured.acme / "attempts.json")
    for _ in range(schedule.LIMIT):
        attempts.begin(NAMES, datetime.now(UTC))

    def slept(seconds: float) -> None:
        assert 0 < seconds <= 60
        raise SystemExit

    monkeypatch.setattr(serve.time, "sleep", slept)
    monkeypatch.setattr(acme, "ask", None)
    with pytest.raises(SystemExit):
        serve.from_ca(configured)
    assert health.complaint(configured, datetime.now(UTC)) == ""
    assert "stopped too often before it ended. The CA is not asked before" in capsys.readouterr().out


def test_a_certificate_for_other_names_is_never_published(configured, certbot):
    certbot(None, fresh())
    attempt(configured)
    assert not (configured.certificates / "site").exists()


def test_what_a_killed_certbot_left_is_taken_away_and_the_account_stays(configured, certbot, capsys):
    certbot(None, fresh(*NAMES))
    attempt(configured)
    (configured.acme / "accounts").mkdir()
    assert not acme.clear_ruins(configured)
    for ruin in ("renewal/site.conf", "live/site/privkey.pem"):
        (configured.acme / ruin).write_text("")
        certbot("An unexpected error occurred:\nit would not go on from there\n")
        attempt(configured)
        assert not (configured.acme / "live/site").exists()
        assert "was incomplete and is taken away" in capsys.readouterr().out
        certbot(None, fresh(*NAMES))
        attempt(configured)
    assert {path.name for path in configured.acme.iterdir()} >= {"accounts", "attempts.json"}
    assert health.complaint(configured, datetime.now(UTC)) == ""
