"""What certbot says: as it prints it, with what Let's Encrypt and Pebble answered."""

from datetime import UTC, datetime

import pytest

from certs.explain import explain

BEGINNING = """Saving debug log to /acme/letsencrypt/logs/letsencrypt.log
Requesting a certificate for a.example.com and b.example.com

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported \
these problems:
"""
END = """
Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile for more.
"""
FETCHING = "203.0.113.5: Fetching http://a.example.com/.well-known/acme-challenge/x:"
VALIDATIONS = {
    "no record": (
        "dns",
        "DNS problem: NXDOMAIN looking up A for a.example.com - check that a DNS record exists",
        "a.example.com has no DNS record: add an A record",
    ),
    "no address": (
        "dns",
        "no valid A records found for a.example.com; no valid AAAA records found for a.example.com",
        "a.example.com has no DNS record: add an A record",
    ),
    "no record, says Pebble": (
        "connection",
        'Get "http://a.example.com:8080/x": could not resolve URL "http://a.example.com:8080/x"',
        "a.example.com has no DNS record: add an A record",
    ),
    "ill DNS": (
        "dns",
        "DNS problem: SERVFAIL looking up A for a.example.com - the domain's nameservers may be ill",
        "The DNS servers of a.example.com gave the CA no proper answer: DNS problem: SERVFAIL",
    ),
    "closed port": (
        "connection",
        f"{FETCHING} Connection refused",
        "no answer from a.example.com (203.0.113.5) at port 80: open the port",
    ),
    "firewall": (
        "connection",
        f"During secondary validation: {FETCHING} Timeout during connect (likely firewall problem)",
        "no answer from a.example.com (203.0.113.5) at port 80: open the port",
    ),
    "another machine": (
        "unauthorized",
        "2001:db8::5: Invalid response from http://a.example.com/.well-known/acme-challenge/x: 404",
        "What answered the CA for a.example.com (2001:db8::5) is not this site: see that the DNS record",
    ),
    "CAA": ("caa", "CAA record for a.example.com prevents issuance", "A CAA record in DNS forbids this CA"),
    "something new": (
        "tls",
        "203.0.113.5: remote error",
        "could not validate a.example.com (203.0.113.5): 203",
    ),
}


@pytest.mark.parametrize("label", ["Identifier", "Domain"])
@pytest.mark.parametrize(("kind", "detail", "sentence"), VALIDATIONS.values(), ids=VALIDATIONS)
def test_a_failed_validation_says_what_to_fix(label: str, kind: str, detail: str, sentence: str):
    said = f"{BEGINNING}  {label}: a.example.com\n  Type:   {kind}\n  Detail: {detail}\n{END}"
    problem = explain(said, ["a.example.com", "b.example.com"])
    assert sentence in problem.sentence
    assert problem.sentence.endswith(".")
    assert (problem.names, problem.soon) == ({"a.example.com"}, False)


def test_each_name_that_failed_has_its_sentence():
    blocks = [f"  Identifier: {n}.example.com\n  Type:   dns\n  Detail: NXDOMAIN\n" for n in ("a", "b")]
    problem = explain(
        BEGINNING + "\n".join(blocks) + END, ["a.example.com", "b.example.com", "c.example.com"]
    )
    assert problem.sentence.count("has no DNS record") == 2
    assert problem.names == {"a.example.com", "b.example.com"}


LIMITED = """An unexpected error occurred:
There were too many requests of a given type :: Error creating new order :: too many certificates (5) \
already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-11-23 04:05:06 UTC: \
see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-hostnames
"""


def test_a_limit_of_the_ca_comes_with_the_time_of_the_next_try():
    problem = explain(LIMITED + END.splitlines()[-1], ["a.example.com"])
    assert "A limit of the CA is reached: " in problem.sentence
    assert problem.retry == datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
    assert not problem.names


def test_a_paused_account_shows_what_the_ca_wants():
    problem = explain(
        "There were too many requests of a given type :: Error creating new order :: Your account is "
        "temporarily prevented from requesting certificates for a.example.com. Please visit: https://portal.letsencrypt.org/sfe/v1/unpause?jwt=x\n",
        ["a.example.com"],
    )
    assert problem.sentence.endswith("unpause?jwt=x.")
    assert problem.retry is None


POOL = "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='ca', port=443): Max retries exceeded"
UNREACHABLE = {
    f"{POOL} with url: /dir (Caused by NameResolutionError(\"HTTPSConnection(host='ca', port=443): "
    f"Failed to resolve 'ca' ([Errno -2] Name or service not known)\"))": "Failed to resolve 'ca'.",
    f"{POOL} (Caused by NewConnectionError('[Errno 111] Connection refused'))": "Connection refused",
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='ca', port=443): Read timed out.": "timed out",
    "acme.errors.ClientError: <Response [503]>": "<Response [503]>",
    "Unable to register: JWS has an invalid anti-replay nonce: x": "too busy",
    "The server experienced an internal error :: Error creating new order": "experienced an internal error",
    f"{POOL} (Caused by SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] failed'))": "that isn't trusted here",
}


@pytest.mark.parametrize(("words", "sentence"), UNREACHABLE.items(), ids=range(len(UNREACHABLE)))
def test_a_ca_that_does_not_answer_has_not_failed_a_validation(words: str, sentence: str):
    problem = explain(f"An unexpected error occurred:\n{words}\n", ["a.example.com"])
    assert sentence in problem.sentence
    assert problem.soon
    assert not problem.names


def test_everything_else_is_certbot_s_own_words_and_counts():
    problem = explain(
        f"{BEGINNING.splitlines()[0]}\nsomething odd\n- - - -\n{END.splitlines()[-1]}", ["a", "b"]
    )
    assert problem.sentence == "certbot failed: something odd."
    assert problem.names == {"a", "b"}
    assert explain("", ["a"]).sentence == "certbot failed: it said nothing."
