"""What nginx's configuration is made of: the settings in its words, and its error page."""

import hashlib
import re
import subprocess
from base64 import b64encode

import pytest

from tests.stack.nginx import NGINX, edge_variables


def test_without_a_domain_only_this_machine_is_answered():
    found = edge_variables()
    assert found["EDGE_NAMES"] == "localhost 127.0.0.1 [::1]"
    assert found["EDGE_WELCOME"].startswith("default 0; 127.0.0.0/8 1;")
    assert (found["EDGE_SITE"], found["EDGE_HTTPS"]) == ("http", "off")


def test_the_first_name_is_the_site_and_the_others_redirect():
    found = edge_variables(DOMAIN="a.example, b.example,c.example")
    assert found["EDGE_NAME"] == found["EDGE_NAMES"] == "a.example"
    assert found["EDGE_OTHER_NAMES"] == "b.example c.example"
    assert found["EDGE_WELCOME"] == "default 1;"


def test_a_proxy_in_front_is_believed_what_it_says_of_the_client():
    found = edge_variables(DOMAIN="a.example", TLS="off", TRUSTED_PROXIES="10.0.0.0/8, ::1")
    assert "set_real_ip_from 10.0.0.0/8;" in found["EDGE_REAL_IP"]
    assert "::1 1;" in found["EDGE_TRUSTED_PROXIES"]


PUBLIC = {
    "a domain": ({"DOMAIN": "a.example"}, "https", "on", ""),
    "a domain on another port": ({"DOMAIN": "a.example", "HTTPS_PORT": "8443"}, "https", "on", ":8443"),
    "own certificate": ({"DOMAIN": "a.example", "TLS": "files"}, "https", "on", ""),
    "a balancer": ({"DOMAIN": "a.example", "TLS": "off", "TRUSTED_PROXIES": "10.0.0.1"}, "http", "on", ""),
    "no TLS": ({"DOMAIN": "a.example", "TLS": "off", "HTTP_PORT": "8080"}, "http", "off", ":8080"),
}


@pytest.mark.parametrize(("environment", "site", "https", "port"), PUBLIC.values(), ids=PUBLIC)
def test_tls_follows_from_the_settings(environment: dict[str, str], site: str, https: str, port: str):
    found = edge_variables(**environment)
    assert (found["EDGE_SITE"], found["EDGE_HTTPS"], found["EDGE_PORT"]) == (site, https, port)


def test_names_below_the_domain_are_promised_https_only_when_asked_for():
    assert edge_variables(DOMAIN="a.example")["EDGE_HSTS"] == "max-age=63072000"
    found = edge_variables(DOMAIN="a.example", HSTS_SECONDS="300", HSTS_SUBDOMAINS="on")
    assert found["EDGE_HSTS"] == "max-age=300; includeSubDomains; preload"


REFUSED = {
    "a scheme": ({"DOMAIN": "https://a.example"}, "DOMAIN must be a host name"),
    "a directive": ({"DOMAIN": "a;b"}, "DOMAIN must be a host name"),
    "a second line": ({"DOMAIN": "a.example\ndeny all;"}, "DOMAIN must be a host name"),
    "a directive among proxies": ({"TRUSTED_PROXIES": "10.0.0.1; deny all"}, "TRUSTED_PROXIES must be"),
    "a source that is none": ({"DOMAIN": "a.example", "TLS": "on"}, "TLS must be acme, files or off"),
    "TLS for no name": ({"TLS": "acme"}, "set DOMAIN"),
    "a rate of nothing": ({"HTTP_RATE": "0"}, "HTTP_RATE must be"),
    "a rate in words": ({"WS_HANDSHAKE_RATE": "many"}, "WS_HANDSHAKE_RATE must be"),
    "a size that is none": ({"HTTP_MAX_BODY": "1 MB"}, "HTTP_MAX_BODY must be"),
}


@pytest.mark.parametrize(("environment", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_belong_into_a_configuration_is_refused(environment: dict[str, str], sentence: str):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        edge_variables(**environment)
    assert '"level":"ERROR"' in refused.value.stderr
    assert sentence in refused.value.stderr


def test_the_policy_of_the_error_page_allows_its_own_style_and_nothing_else():
    style = re.search(r"<style>(.*?)</style>", (NGINX / "html/page.html").read_text(), re.S)[1]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in (NGINX / "snippets/headers.conf").read_text()
