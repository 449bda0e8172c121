"""Whether the site has the certificate that its settings ask for."""

from datetime import datetime

from certs import acme, schedule, store
from certs.log import at
from certs.settings import Settings

INSTALL = (
    "Install one with: cat fullchain.pem privkey.pem | "
    "docker compose -f docker-compose.prod.yml exec -T certs python3 -m certs install"
)


def complaint(settings: Settings, now: datetime) -> str:
    """What is wrong with the certificate in use and what helps, or ""."""
    if settings.tls == "off":
        return ""
    try:
        pair = store.read(settings.certificates / "site")
        pair.check(settings.names, now)
        if settings.tls == "acme":
            check_origin(pair, settings)
        if now < schedule.alarm(pair):
            return ""
        wrong = f"The certificate expires at {at(pair.ends)}, {left(pair, now)} from now."
    except store.Unusable as error:
        wrong = str(error)
    help_ = INSTALL if settings.tls == "files" else schedule.Attempts(settings.acme / "attempts.json").problem
    return f"{wrong} {help_}".strip()


def check_origin(pair: store.Pair, settings: Settings) -> None:
    """Raises Unusable unless it is what certbot has from this CA, for these names and no others."""
    if pair.names != set(settings.names):
        raise store.Unusable(
            f"The certificate has names that DOMAIN doesn't: {', '.join(sorted(pair.names))}."
        )
    if pair.fingerprint != acme.live(settings).fingerprint:
        raise store.Unusable(f"The certificate in use is not from {settings.server}.")


def left(pair: store.Pair, now: datetime) -> str:
    """The life it has left, in the largest unit that it has two of."""
    seconds = max(0, int((pair.ends - now).total_seconds()))
    units = {"days": 86400, "hours": 3600, "minutes": 60}
    unit, size = next(((unit, size) for unit, size in units.items() if seconds >= 2 * size), ("seconds", 1))
    return f"{seconds // size} {unit}"


def lasting(settings: Settings, now: datetime) -> str:
    """How long the certificate in use still lasts, "" without one."""
    try:
        pair = store.read(settings.certificates / "site")
    except store.Unusable:
        return ""
    return f"The certificate in use lasts until {at(pair.ends)}, {left(pair, now)} from now."


def describe(pair: store.Pair, now: datetime) -> str:
    """The certificate in a sentence."""
    names = ", ".join(sorted(pair.names))
    return (
        f"The certificate for {names} is valid until {at(pair.ends)}, {left(pair, now)} from now, "
        f"issued by {pair.issuer}."
    )
