"""What testssl.sh and sslyze say of the site's TLS."""

import re

import pytest

from tests.grades import image
from tests.stack.tls import HttpsSite

pytestmark = pytest.mark.containers
Chapters = dict[str, list[dict[str, str]]]

# The profile of 6.0 is https://ssl-config.mozilla.org/guidelines/6.0.json, which sslyze doesn't bring yet.
PROFILES = {"5.7": "--mozilla_config=intermediate", "6.0": "--custom_tls_config=mozilla-6.0.json"}


@pytest.fixture(scope="session")
def found(site: HttpsSite) -> Chapters:
    return image.testssl(site)


def sentences(found: Chapters, chapter: str) -> dict[str, str]:
    return {finding["id"]: finding["finding"] for finding in found[chapter]}


def test_testssl_gives_a_plus(found: Chapters, grades: dict[str, str]):
    rating = sentences(found, "rating")
    grades["testssl.sh"] = f"{rating['overall_grade']}, {rating['final_score']} of 100"
    assert rating["overall_grade"] == "A+"


def test_the_site_is_vulnerable_to_nothing_that_testssl_knows(found: Chapters):
    vulnerabilities = {finding["id"]: finding["severity"] for finding in found["vulnerabilities"]}
    assert {"heartbleed", "ROBOT", "CRIME_TLS", "BREACH", "LOGJAM", "LUCKY13"} < vulnerabilities.keys()
    assert set(vulnerabilities.values()) <= {"OK", "INFO"}, found["vulnerabilities"]


def test_a_compressed_page_gives_breach_nothing_to_guess(site: HttpsSite):
    """testssl.sh looks at / alone. Pages are compressed, so no secret in them may be the same twice."""
    with site.visitor() as visitor:
        visitor.post("so that there is a session")
        first, token = visitor.open().text, visitor.token
        second = visitor.open().text
        cookies = list(visitor.http.cookies.values())
    assert token in first
    assert token not in second
    assert len(cookies) == 2
    assert not [cookie for cookie in cookies if cookie in first + second]


def test_testssl_has_nothing_to_complain_of(found: Chapters):
    findings = [finding for chapter in found.values() for finding in chapter]
    assert len(findings) > 100
    # WARN is for what it could not find out: on a busy machine its client of TLS 1.3 hangs up before the
    # session that it would resume has come.
    assert [finding for finding in findings if finding["severity"] not in ("OK", "INFO", "WARN")] == []


def test_http_2_and_an_exchange_of_keys_that_outlives_quantum_computers_are_offered(found: Chapters):
    assert sentences(found, "protocols")["ALPN_HTTP2"] == "h2"
    assert sentences(found, "fs")["FS_KEMs"] == "X25519MLKEM768"


@pytest.mark.parametrize("version", PROFILES)
def test_sslyze_finds_mozillas_intermediate_profile_kept(
    site: HttpsSite, version: str, grades: dict[str, str]
):
    printed = image.sslyze(site, PROFILES[version])
    verdict = re.search(rf"site\.test:{site.port}: (\w.*)\n(?:.*\* .*\n)*", printed)
    assert verdict, printed
    grades[f"sslyze, Mozilla intermediate {version}"] = verdict[1]
    assert verdict[1] == "OK - Compliant.", verdict[0]
