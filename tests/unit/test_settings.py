"""Settings from the environment: what they derive, and the one sentence when they cannot."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.environment import with_password

REPOSITORY = Path(__file__).parents[2]
PRODUCTION = {
    "DEBUG": "off",
    "SECRET_KEY": "x" * 60,
    "DATABASE_URL": "postgres://app@localhost/app",
    "REDIS_URL": "redis://localhost",
}


BEHIND_A_PROXY = {"DOMAIN": "a.example, b.example", "TLS": "off", "TRUSTED_PROXIES": "10.0.0.0/8"}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY / "app",
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def setting(*names: str, **environment: str) -> str:
    """The value of each setting, as a process with this environment sees it."""
    script = "import sys; from django.conf import settings; "
    script += "print(*(getattr(settings, name) for name in sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", script, *names],
        cwd=REPOSITORY / "app",
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_developer_needs_to_set_nothing():
    done = manage("check")
    assert done.returncode == 0, done.stderr


def test_a_server_is_in_production_unless_told_otherwise():
    assert setting("DEBUG", SECRET_KEY="x" * 60) == "False"


@pytest.mark.parametrize(
    ("environment", "origins"),
    [
        ({}, ["http://localhost", "http://127.0.0.1", "http://[::1]"]),
        ({"HTTP_PORT": "8080"}, ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"]),
        ({"HTTPS_PORT": "8443"}, ["http://localhost", "http://127.0.0.1", "http://[::1]"]),
        ({"DOMAIN": "A.example, b.example"}, ["https://a.example"]),
        ({"DOMAIN": "a.example", "HTTP_PORT": "8080", "HTTPS_PORT": "8443"}, ["https://a.example:8443"]),
        ({"DOMAIN": "a.example", "TLS": "files"}, ["https://a.example"]),
        ({"DOMAIN": "a.example", "TLS": "off", "HTTP_PORT": "8080"}, ["http://a.example:8080"]),
        ({"DOMAIN": "a.example", "TLS": "off", "HTTPS_PORT": "8443"}, ["http://a.example"]),
        (BEHIND_A_PROXY | {"HTTP_PORT": "8080"}, ["https://a.example"]),
        (BEHIND_A_PROXY | {"TLS": "files", "HTTPS_PORT": "8443"}, ["https://a.example"]),
    ],
)
def test_hosts_and_origins_follow_from_domain(environment: dict[str, str], origins: list[str]):
    assert setting("ORIGINS", **PRODUCTION | environment) == str(origins)
    assert setting("WEBSOCKET_ORIGINS", **PRODUCTION | environment) == str(origins)
    assert setting("CSRF_TRUSTED_ORIGINS", **PRODUCTION | environment) == str(origins)


def test_every_name_of_domain_is_a_host():
    assert setting("ALLOWED_HOSTS", **PRODUCTION | {"DOMAIN": "a.example, b.example"}) == str(
        ["a.example", "b.example"]
    )


HSTS = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HSTS_SUBDOMAINS": "on"}, "0 False False"),
        ({"DOMAIN": "a.example"}, "63072000 False False"),
        ({"DOMAIN": "a.example", "HSTS_SECONDS": "300", "HSTS_SUBDOMAINS": "on"}, "300 True True"),
        ({"DOMAIN": "a.example", "TLS": "off"}, "0 False False"),
        (BEHIND_A_PROXY, "63072000 False False"),
    ],
)
def test_hsts_is_sent_where_tls_is_and_binds_other_names_only_when_asked_to(
    environment: dict[str, str], expected: str
):
    assert setting(*HSTS, **PRODUCTION | environment) == expected


REFUSED = {
    "no SECRET_KEY": ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
    "a short SECRET_KEY": ({"SECRET_KEY": "x" * 49}, "must be 50 random characters"),
    "the development key": ({"SECRET_KEY": "development-only-" * 4}, "must be 50 random characters"),
    "an unreadable secret": ({"SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE must be a readable file path"),
    "a DEBUG that is none": ({"DEBUG": "perhaps"}, "DEBUG"),
    "a role that is none": ({"SERVER_ROLE": "both"}, "SERVER_ROLE"),
    "DEBUG with a DOMAIN": ({"DEBUG": "on", "DOMAIN": "example.com"}, "DEBUG shows secrets"),
    "no Redis": ({"REDIS_URL": ""}, "REDIS_URL must name a Redis"),
    "a Redis that is none": ({"REDIS_URL": "http://redis"}, "REDIS_URL must name a Redis"),
    "a log level that is none": ({"LOG_LEVEL": "verbose"}, "LOG_LEVEL"),
    "a domain with a path": ({"DOMAIN": "example.com/app"}, "DOMAIN must be a host name"),
    "a domain with a space": ({"DOMAIN": "example .com"}, "DOMAIN must be a host name"),
    "a TLS that is none": ({"TLS": "on"}, "TLS"),
    "TLS without a domain": ({"TLS": "acme"}, "TLS=acme needs a name for the certificate: set DOMAIN"),
    "a certificate without a domain": ({"TLS": "files"}, "TLS=files needs a name for the certificate"),
    "a certificate for localhost": (
        {"DOMAIN": "localhost"},
        "gives a certificate for localhost: set TLS=files",
    ),
    "a certificate for an address": ({"DOMAIN": "a.example,192.0.2.1"}, "gives a certificate for 192.0.2.1:"),
    "a certificate for one label": ({"DOMAIN": "intranet"}, "gives a certificate for intranet:"),
    "a negative HSTS": ({"HSTS_SECONDS": "-1"}, "HSTS_SECONDS"),
}


@pytest.mark.parametrize(("environment", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_in_one_sentence(environment: dict[str, str], sentence: str):
    done = manage("check", **PRODUCTION | environment)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "x" * 49 not in done.stderr


def test_a_secret_is_read_from_a_file(tmp_path: Path):
    key = tmp_path / "key"
    key.write_text("k" * 60 + "\n")
    environment = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}
    assert setting("SECRET_KEY", SECRET_KEY_FILE=str(key), **environment) == "k" * 60


@pytest.mark.parametrize("environment", [{"DOMAIN": "a.example"}, BEHIND_A_PROXY])
def test_a_deployment_with_tls_gives_django_nothing_to_complain_of(environment: dict[str, str]):
    done = manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        **PRODUCTION | environment | {"HSTS_SUBDOMAINS": "on", "SECRET_KEY": KEY},
    )
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


KEY = "".join(chr(33 + number) for number in range(60)).replace("\\", "x")


@pytest.mark.parametrize(
    ("environment", "warned"),
    [
        ({"DOMAIN": "a.example", "TLS": "off"}, True),
        ({"DOMAIN": "a.example"}, False),
        ({"DOMAIN": "localhost,192.0.2.1", "TLS": "files"}, False),
        (BEHIND_A_PROXY, False),
        ({}, False),
    ],
)
def test_a_public_name_over_plain_http_is_warned_of(environment: dict[str, str], warned: bool):
    done = manage("check", **PRODUCTION | environment)
    assert done.returncode == 0, done.stderr
    assert ("a.example is served over plain HTTP: set TLS=acme" in done.stderr) == warned


@pytest.mark.parametrize(
    ("url", "password", "expected"),
    [
        ("redis://app@redis:6379/0", "p/w:@", "redis://app:p%2Fw%3A%40@redis:6379/0"),
        ("redis://app:own@redis/0", "other", "redis://app:own@redis/0"),
        ("redis://redis/0", "other", "redis://redis/0"),
        ("redis://app@redis/0", "", "redis://app@redis/0"),
        ("", "other", ""),
    ],
)
def test_a_password_goes_into_a_url_that_has_a_user_and_none(url: str, password: str, expected: str):
    assert with_password(url, password) == expected


def test_env_example_explains_every_setting_of_the_compose_file_and_no_other():
    compose = (REPOSITORY / "docker-compose.prod.yml").read_text()
    example = (REPOSITORY / ".env.example").read_text()
    used = set(re.findall(r"\$\{([A-Z_]+)", compose))
    explained = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert explained == used


def test_env_example_shows_the_defaults_of_the_compose_file():
    compose = (REPOSITORY / "docker-compose.prod.yml").read_text()
    example = (REPOSITORY / ".env.example").read_text()
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-((?:[^{}]|\{[^{}]*\})*)\}", compose))
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert {name: shown[name] for name, value in defaults.items() if value} == {
        name: value for name, value in defaults.items() if value
    }
