"""Every setting that the environment can give, its type and its default. `.env.example` explains them.

Each can also be read from a file: NAME_FILE=/run/secrets/name. A value that cannot be read ends
the process with one sentence; values that contradict each other are refused by `config.checks`.
"""

import socket
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from environs import EnvError, FileAwareEnv, validate

ROLES = ("web", "ws", "manage")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TLS_MODES = ("acme", "files", "off")
REPOSITORY = Path(__file__).resolve().parents[2]


def with_password(url: str, password: str) -> str:
    """Put a password into a URL that has a user but no password; any other URL comes back as it is."""
    parts = urlsplit(url)
    if not password or not parts.username or parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{quote(password, safe='')}@{host}"))


try:
    env = FileAwareEnv(strip_whitespace=True)

    DEBUG: bool = env.bool("DEBUG", False)
    SERVER_ROLE: str = env.str("SERVER_ROLE", "manage", validate=validate.OneOf(ROLES))
    INSTANCE: str = env.str("INSTANCE", "") or socket.gethostname()
    RELEASE: str = env.str("RELEASE", "") or "local"
    LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(LEVELS))

    # In lower case, as browsers send it: origins are compared letter by letter.
    DOMAIN: list[str] = [name.strip().lower() for name in env.list("DOMAIN", []) if name.strip()]
    TLS: str = env.str("TLS", "", validate=validate.OneOf(("", *TLS_MODES)))
    TLS = TLS or ("acme" if DOMAIN else "off")
    HTTP_PORT: int = env.int("HTTP_PORT", 80, validate=validate.Range(1, 65535))
    HTTPS_PORT: int = env.int("HTTPS_PORT", 443, validate=validate.Range(1, 65535))
    HSTS_SECONDS: int = env.int("HSTS_SECONDS", 63072000, validate=validate.Range(0))
    HSTS_SUBDOMAINS: bool = env.bool("HSTS_SUBDOMAINS", False)
    TRUSTED_PROXIES: list[str] = [network.strip() for network in env.list("TRUSTED_PROXIES", [])]

    SECRET_KEY: str = env.str("SECRET_KEY", "")

    DATABASE: dict = env.dj_db_url("DATABASE_URL", f"sqlite:///{REPOSITORY / 'db.sqlite3'}")
    DATABASE["PASSWORD"] = DATABASE.get("PASSWORD") or env.str("DATABASE_PASSWORD", "")
    REDIS_URL: str = with_password(env.str("REDIS_URL", ""), env.str("REDIS_PASSWORD", ""))

    WEB_WORKERS: int = env.int("WEB_WORKERS", 2, validate=validate.Range(1, 64))
    WEB_THREADS: int = env.int("WEB_THREADS", 4, validate=validate.Range(1, 64))
    WEB_BIND: str = env.str("WEB_BIND", "0.0.0.0:8000")
    WS_BIND: str = env.str("WS_BIND", "0.0.0.0:8001")
    WS_MAX_SOCKETS: int = env.int("WS_MAX_SOCKETS", 8000, validate=validate.Range(1, 1_000_000))
    WS_MAX_MESSAGE: int = env.int("WS_MAX_MESSAGE", 64 * 1024, validate=validate.Range(1024, 64 * 1024**2))
    WS_MESSAGE_RATE: float = env.float("WS_MESSAGE_RATE", 50, validate=validate.Range(1, 1_000_000))
    WS_MAX_AGE: float = env.float("WS_MAX_AGE", 86400, validate=validate.Range(10, 31 * 86400))
    WS_DRAIN_SECONDS: float = env.float("WS_DRAIN_SECONDS", 15, validate=validate.Range(0, 25))
except (EnvError, ValueError) as error:
    raise SystemExit(f"Settings: {error}") from None
