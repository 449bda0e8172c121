"""What MDN HTTP Observatory and CSP Evaluator say of the site's headers, and gixy of what makes them."""

import re
import subprocess
import sys

import pytest

from tests.grades import node
from tests.stack.tls import NAME, HttpsSite

pytestmark = pytest.mark.containers

# Whose policy it is: a page's, a page's for errors, and nginx's for its own errors.
PAGES = {"the board": "/board/lobby/", "Django's errors": "/nope", "nginx's errors": "/healthz"}
# csp_evaluator/dist/finding.js: HIGH, SYNTAX, MEDIUM. What is above are its "maybe"s and hints.
WORST = 30


@pytest.mark.scanners
def test_mdn_observatory_gives_a_plus_and_all_that_is_reachable(site: HttpsSite, grades: dict[str, str]):
    ports = {name: site.settings[name] for name in ("HTTP_PORT", "HTTPS_PORT")}
    found = node.run("observatory.js", NAME, SITE=NAME, NODE_EXTRA_CA_CERTS=str(site.ca), **ports)
    scan = found["scan"]
    passed = f"{scan['testsPassed']} of {scan['testsQuantity']} tests passed"
    grades["MDN HTTP Observatory"] = f"{scan['grade']}, {scan['score']}, {passed}"
    assert [name for name, test in found["tests"].items() if not test["pass"]] == []
    assert scan["grade"] == "A+"
    # 100, and what more there is but 5 for integrity attributes and 5 for being on browsers' preload list.
    assert scan["score"] >= 135


@pytest.mark.scanners
@pytest.mark.parametrize("page", PAGES)
def test_csp_evaluator_finds_nothing_wrong(site: HttpsSite, page: str, grades: dict[str, str]):
    with site.client() as client:
        policy = client.get(PAGES[page]).headers["Content-Security-Policy"]
    found = node.run("csp.js", policy)
    bad = [finding for finding in found if finding["severity"] <= WORST]
    grades[f"CSP Evaluator on {page}"] = f"{len(bad)} findings, {len(found) - len(bad)} hints"
    assert bad == []


def test_gixy_finds_nothing_in_nginxs_configuration_and_no_cve_of_its_version(
    site: HttpsSite, grades: dict[str, str]
):
    version = re.search(r"nginx/([\d.]+)", site.execute("nginx", "nginx", "-v").stderr)[1]
    configuration = site.execute("nginx", "nginx", "-T").stdout
    assert "ssl_certificate" in configuration
    command = [sys.executable, "-m", "gixy", "--nginx-version", version, "-"]
    done = subprocess.run(command, input=configuration, capture_output=True, text=True, timeout=60)
    grades[f"gixy, nginx {version}"] = "0 findings" if done.returncode == 0 else "findings"
    assert "No issues found" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
