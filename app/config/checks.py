"""Settings that contradict each other, refused at start in one sentence each."""

import ipaddress
import re

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from config import environment as env

HOST_NAME = re.compile(r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]+$", re.I)


@register(Tags.security)
def check_domain(**_: object) -> list[CheckMessage]:
    """DOMAIN holds host names and nothing else; DEBUG and a public name exclude each other."""
    messages: list[CheckMessage] = [
        Error(
            f"DOMAIN must be a host name such as example.com, or several with commas between them, "
            f"without scheme, port or path; it is {name!r}.",
            id="deploy.E001",
        )
        for name in env.DOMAIN
        if not HOST_NAME.match(name)
    ]
    if env.DOMAIN and settings.DEBUG:
        messages.append(Error("DEBUG shows secrets to visitors: unset it or unset DOMAIN.", id="deploy.E002"))
    return messages


def is_certifiable(name: str) -> bool:
    """Whether a public authority may give a certificate for it by HTTP challenge (CA/B Forum BR, 4.2.2)."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name and not name.endswith(".localhost")
    return False


@register(Tags.security)
def check_tls(**_: object) -> list[CheckMessage]:
    """nginx can only end TLS for a name, and get a certificate by itself only for a public one."""
    if env.TLS == "off":
        return []
    if not env.DOMAIN:
        return [
            Error(
                f"TLS={env.TLS} needs a name for the certificate: set DOMAIN to the site's host name.",
                id="deploy.E008",
            )
        ]
    return [
        Error(
            f"No public authority gives a certificate for {name}: set TLS=files and bring your own, "
            f"set TLS=off, or take it out of DOMAIN.",
            id="deploy.E009",
        )
        for name in env.DOMAIN
        if env.TLS == "acme" and HOST_NAME.match(name) and not is_certifiable(name)
    ]


@register(Tags.security)
def check_proxies(**_: object) -> list[CheckMessage]:
    """TRUSTED_PROXIES are networks, and only a named site can have one in front."""
    messages: list[CheckMessage] = []
    for network in env.TRUSTED_PROXIES:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            messages.append(
                Error(
                    f"TRUSTED_PROXIES must be addresses or networks such as 10.0.0.0/8, with commas "
                    f"between them; {network!r} is none.",
                    id="deploy.E003",
                )
            )
    if env.TRUSTED_PROXIES and not env.DOMAIN:
        messages.append(
            Error(
                "TRUSTED_PROXIES says that a proxy ends TLS for a public name: set DOMAIN to that name.",
                id="deploy.E004",
            )
        )
    return messages


@register(Tags.security)
def check_production(**_: object) -> list[CheckMessage]:
    """What two servers of several processes each cannot do without."""
    if settings.DEBUG:
        return []
    messages: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < 50 or settings.SECRET_KEY == settings.DEVELOPMENT_KEY:
        messages.append(
            Error(
                "SECRET_KEY must be 50 random characters or more, known to nobody else.",
                id="deploy.E005",
            )
        )
    if not settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        messages.append(
            Error(
                "DATABASE_URL must name a PostgreSQL database (postgres://user@host/name): "
                "several containers can't share one SQLite file.",
                id="deploy.E006",
            )
        )
    if not settings.REDIS_URL.startswith(("redis://", "rediss://")):
        messages.append(
            Error(
                "REDIS_URL must name a Redis (redis://user@host:6379): the in-memory channel layer "
                "doesn't reach from one process to another.",
                id="deploy.E007",
            )
        )
    return messages


@register(Tags.security)
def check_public_https(**_: object) -> list[CheckMessage]:
    """A public name over plain HTTP works, but no browser and no visitor should accept it."""
    if env.DOMAIN and not settings.HTTPS:
        return [
            CheckWarning(
                f"{env.DOMAIN[0]} is served over plain HTTP: set TLS=acme, or TRUSTED_PROXIES to the "
                f"address of the proxy in front that ends TLS.",
                id="deploy.W001",
            )
        ]
    return []
