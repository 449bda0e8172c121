"""One settings file for both servers. What the environment gives is in `config.environment`."""

from pathlib import Path

from csp.constants import NONCE, NONE, SELF

from config import environment as env
from config.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.DEBUG
SERVER_ROLE = env.SERVER_ROLE
INSTANCE = env.INSTANCE
RELEASE = env.RELEASE

# In development a fixed key keeps sessions over a reload. `config.checks` refuses it in production.
DEVELOPMENT_KEY = "development-only-" * 4
SECRET_KEY = env.SECRET_KEY or (DEVELOPMENT_KEY if DEBUG else "")
if not SECRET_KEY:
    raise SystemExit(
        "Settings: SECRET_KEY is not set. Set SECRET_KEY_FILE to a readable file with at least "
        "50 random characters; docker-compose.prod.yml does so by itself."
    )

# One knob: DOMAIN. Without it, this machine only, over plain HTTP.
_LOCAL = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.DOMAIN or _LOCAL
# With TRUSTED_PROXIES, browsers talk to a proxy in front of nginx: over TLS, on its usual port.
HTTPS = env.TLS != "off" or bool(env.TRUSTED_PROXIES)
_scheme, _usual, _own = ("https", 443, env.HTTPS_PORT) if HTTPS else ("http", 80, env.HTTP_PORT)
_port = "" if env.TRUSTED_PROXIES or _own == _usual else f":{_own}"
# nginx redirects every other name of DOMAIN to the first.
ORIGINS = [f"{_scheme}://{host}{_port}" for host in env.DOMAIN[:1] or _LOCAL]
CSRF_TRUSTED_ORIGINS = ORIGINS
# Exact scheme and port: AllowedHostsOriginValidator looks at the host alone, so that any other
# service on the same host could open a visitor's sockets. runserver may listen on any port.
WEBSOCKET_ORIGINS = ALLOWED_HOSTS if DEBUG else ORIGINS

INSTALLED_APPS = [
    # First, because it replaces Django's runserver. In development only: it imports Twisted.
    *(["daphne"] if DEBUG else []),
    "config",
    "realtime",
    "board",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "config.health.HealthMiddleware",
    "config.logs.RequestLogMiddleware",
    # These three outside of all that can answer a browser: every answer has their headers.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # In development runserver itself serves static files, uncollected.
    *([] if DEBUG else ["whitenoise.middleware.WhiteNoiseMiddleware"]),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": env.DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if env.DATABASE["ENGINE"].endswith("postgresql"):
    # A pool in both servers: CONN_MAX_AGE under Daphne leaves one connection behind per thread.
    # https://docs.djangoproject.com/en/5.2/ref/databases/#connection-pool
    DATABASES["default"] |= {
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": env.DATABASE.get("OPTIONS", {})
        | {
            "application_name": f"{SERVER_ROLE} {INSTANCE}",
            "connect_timeout": 3,
            # A database host that vanished is noticed after 5 s, not after TCP's 15 minutes.
            "tcp_user_timeout": 5000,
        },
    }
    if SERVER_ROLE != "manage":
        # timeout: seconds to wait for a connection, then the answer is 503. In ws all wait in turn.
        # reconnect_timeout: give up soon and begin anew, or the back-off outlasts the outage.
        DATABASES["default"]["OPTIONS"]["pool"] = {
            "min_size": 1,
            "max_size": env.WEB_THREADS if SERVER_ROLE == "web" else 4,
            "timeout": 3 if SERVER_ROLE == "web" else 1,
            "reconnect_timeout": 4,
        }
elif env.DATABASE["ENGINE"].endswith("sqlite3"):
    # Take the write lock at once: a transaction that reads first and writes later fails instead
    # of waiting when another one wrote in between.
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}

REDIS_URL = env.REDIS_URL
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                "hosts": [
                    {
                        "address": REDIS_URL,
                        # redis-py 8 gives up on a quiet socket after 5 s unless told otherwise,
                        # and the socket's consumer dies with it (channels_redis#422).
                        "socket_timeout": 15,
                        "socket_connect_timeout": 2,
                        "health_check_interval": 15,
                    }
                ]
            },
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.storage.StaticStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# nginx overwrites this header on every request, so nobody outside can forge it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# nginx redirects what reaches it without TLS; this is for what reached the proxy in front without.
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.HSTS_SECONDS if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS and env.HSTS_SUBDOMAINS
# Browsers take a name with __Host- over TLS alone, from this very host and for all its paths: no
# subdomain and nobody on the line can plant one (RFC 6265bis, 4.1.3.2).
_prefix = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_prefix}sessionid"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_NAME = f"{_prefix}csrftoken"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
# The default would set a third cookie, under a name without the prefix.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

# A page gets the site's own files and sockets, and nothing inline: markup that slips through from a
# visitor runs nothing and loads nothing. In development as well, so that nobody finds out late;
# django-csp leaves out Django's own pages for errors there.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        # A page that can't link a file says <style nonce="{{ request.csp_nonce }}">.
        "style-src": [SELF, NONCE],
        "img-src": [SELF],
        # The site's WebSockets are 'self' too (CSP 3, 6.7.2.8).
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

LOGGING = logging_config(DEBUG, env.LOG_LEVEL, SERVER_ROLE, INSTANCE, RELEASE)
