"""What `certs` makes of the environment."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from certs import __main__ as command
from certs import settings


def test_without_a_domain_there_is_nothing_to_do():
    assert settings.read({}).tls == "off"
    assert settings.read({"DOMAIN": "", "TLS": "", "ACME_SERVER": "", "ACME_EMAIL": ""}).tls == "off"


def test_a_domain_is_certified_by_let_s_encrypt(configured: settings.Settings):
    assert (configured.tls, configured.names) == ("acme", ("a.example.com", "b.example.com"))
    assert "api.letsencrypt.org" in configured.server


def test_each_authority_has_a_folder_of_its_own():
    servers = (
        "",
        "staging",
        "https://ca.example.com/acme/directory",
        "https://ca.example.com:8443/directory",
    )
    found = [settings.read({"DOMAIN": "a.example.com", "ACME_SERVER": server}).acme for server in servers]
    assert len(set(found)) == len(servers)
    assert found[0] == Path("/acme/letsencrypt")


REFUSED = {
    "a TLS that is none": ({"TLS": "yes"}, "TLS must be"),
    "TLS without a domain": ({"TLS": "acme"}, "set DOMAIN"),
    "a URL for a name": ({"DOMAIN": "https://a.example.com"}, "DOMAIN must be a host name"),
    "an option for a name": ({"DOMAIN": "--a.example.com"}, "DOMAIN must be a host name"),
    "localhost": ({"DOMAIN": "localhost"}, "gives a certificate for localhost"),
    "an address": ({"DOMAIN": "a.example.com,192.0.2.1"}, "gives a certificate for 192.0.2.1"),
    "a name of a home": ({"DOMAIN": "nas.local"}, "gives a certificate for nas.local"),
    "a CA over plain HTTP": ({"DOMAIN": "a.example.com", "ACME_SERVER": "http://ca"}, "ACME_SERVER must be"),
    "a CA that nobody knows": ({"DOMAIN": "a.example.com", "ACME_SERVER": "zerossl"}, "ACME_SERVER must be"),
    "two addresses": (
        {"DOMAIN": "a.example.com", "ACME_EMAIL": "a@b.example, c@d.example"},
        "ACME_EMAIL must",
    ),
}


@pytest.mark.parametrize(("environment", "sentence"), REFUSED.values(), ids=REFUSED)
def test_settings_that_cannot_work_are_refused(environment: dict[str, str], sentence: str):
    with pytest.raises(settings.WrongSetting, match=sentence):
        settings.read(environment)


def test_a_ca_of_one_s_own_may_know_private_names_and_files_may_be_for_any():
    own = {"DOMAIN": "site.internal", "ACME_SERVER": "https://ca.site.internal/directory"}
    assert settings.read(own).tls == "acme"
    assert settings.read({"DOMAIN": "localhost", "TLS": "files"}).tls == "files"


def test_a_wrong_setting_ends_in_one_line_and_exit_code_1(monkeypatch, capsys):
    monkeypatch.setenv("DOMAIN", "localhost")
    assert command.main([]) == 1
    line = json.loads(capsys.readouterr().out)
    assert (line["role"], line["level"], line["logger"]) == ("certs", "ERROR", "certs")
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
