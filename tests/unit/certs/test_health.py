"""Health, and a certificate of one's own."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from certs import __main__ as command
from certs import health, schedule, serve, settings, store
from tests.unit.certs.pairs import DAY, NAMES, NOW, fresh, pair


@pytest.mark.parametrize(
    ("life", "healthy"),
    [
        (90 * DAY, 75 * DAY),
        (366 * DAY, 351 * DAY),
        (6 * DAY, 5 * DAY),
        (timedelta(seconds=90), timedelta(seconds=75)),
    ],
)
def test_health_complains_when_a_sixth_of_the_life_is_left_and_of_a_long_one_15_days(
    configured: settings.Settings, life: timedelta, healthy: timedelta
):
    files = settings.read({"DOMAIN": "a.example.com", "TLS": "files"}, configured.root)
    store.publish(pair(life=life), files.certificates)
    moment = NOW + healthy
    assert health.complaint(files, moment - life / 100) == ""
    assert "expires at" in health.complaint(files, moment)
    assert "Install one with: cat" in health.complaint(files, moment)


def test_health_wants_exactly_the_names_of_domain_from_this_ca(configured, certbot):
    certbot(None, fresh(*NAMES))
    serve.attempt(configured, schedule.Attempts(configured.acme / "attempts.json"), Counter())
    moment = datetime.now(UTC)
    values = {"DOMAIN": ",".join(NAMES)}
    for changed, sentence in (
        ({"DOMAIN": "a.example.com,b.example.com,c.example.com"}, "not for c.example.com"),
        ({"DOMAIN": "a.example.com"}, "names that DOMAIN doesn't"),
        ({"ACME_SERVER": "staging"}, "There is no certificate yet"),
    ):
        assert sentence in health.complaint(settings.read(values | changed, configured.root), moment)
    assert health.complaint(settings.read(values, configured.root), moment) == ""
    store.publish(store.parse(fresh(*NAMES)), configured.certificates)
    assert "is not from https://acme-v02" in health.complaint(configured, moment)
    assert health.complaint(settings.read({}, configured.root), moment) == ""


@pytest.mark.parametrize(
    ("tls", "given", "code", "words"),
    [
        ("files", fresh(), 0, "valid until"),
        (
            "files",
            fresh("b.example.com"),
            1,
            "Nothing is installed. The certificate is not for a.example.com",
        ),
        ("files", b"", 1, "Nothing is installed. There is no certificate"),
        ("acme", fresh(), 1, "set TLS=files first"),
    ],
)
def test_an_own_certificate_is_taken_or_refused(
    configured: settings.Settings, monkeypatch, capsys, tls: str, given: bytes, code: int, words: str
):
    class Stdin:
        class buffer:  # noqa: N801  the name that sys.stdin has for it
            read = staticmethod(lambda: given)

    monkeypatch.setattr(command.sys, "stdin", Stdin)
    assert command.install(settings.read({"DOMAIN": "a.example.com", "TLS": tls}, configured.root)) == code
    assert words in json.loads(capsys.readouterr().out.splitlines()[0])["message"]
    assert (configured.certificates / "site").exists() == (code == 0)
