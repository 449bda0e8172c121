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


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY / "app",
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def setting(name: str, **environment: str) -> str:
    """The value of a setting, as a process with this environment sees it."""
    script = f"from django.conf import settings; print(settings.{name})"
    done = subprocess.run(
        [sys.executable, "-c", script],
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
        ({"DOMAIN": "a.example, b.example"}, ["http://a.example", "http://b.example"]),
        ({"DOMAIN": "a.example", "TRUSTED_PROXIES": "10.0.0.1", "HTTP_PORT": "8080"}, ["https://a.example"]),
    ],
)
def test_hosts_and_origins_follow_from_domain(environment: dict[str, str], origins: list[str]):
    assert setting("ORIGINS", **PRODUCTION | environment) == str(origins)
    assert setting("WEBSOCKET_ORIGINS", **PRODUCTION | environment) == str(origins)
    assert setting("CSRF_TRUSTED_ORIGINS", **PRODUCTION | environment) == str(origins)


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


def test_a_deployment_behind_tls_gives_django_nothing_to_complain_of():
    done = manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        **PRODUCTION | {"DOMAIN": "example.com", "TRUSTED_PROXIES": "10.0.0.0/8", "SECRET_KEY": KEY},
    )
    assert done.returncode == 0, done.stderr
    assert "0 silenced" in done.stdout


KEY = "".join(chr(33 + number) for number in range(60)).replace("\\", "x")


def test_a_public_name_over_plain_http_is_warned_of():
    done = manage("check", **PRODUCTION | {"DOMAIN": "example.com"})
    assert "example.com is served over plain HTTP" in done.stderr


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
