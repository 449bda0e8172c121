# One image, two roles: the command decides whether it serves HTTP (gunicorn) or WebSockets (daphne).

# What the other stages share: Python, a user that owns nothing, and no setuid file to climb on.
FROM python:3.13-slim-trixie AS base
ENV DEBUG=off \
    DJANGO_SETTINGS_MODULE=config.settings \
    PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin app \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
WORKDIR /app

# The locked packages, in a virtual environment that the runtime takes over whole. Twisted and
# autobahn ship their own tests, 20 MB of them.
FROM base AS packages
RUN python -m venv --without-pip /venv
COPY requirements.txt /
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /venv/bin/python install --disable-pip-version-check --require-hashes --requirement /requirements.txt \
 && find /venv \( -path '*/twisted/*' -o -path '*/autobahn/*' -o -path '*/zope/*' \) \
        -type d \( -name test -o -name tests \) -prune -exec rm -r {} +

# Static files, named by their hash and compressed. The key signs nothing: settings just want one.
FROM packages AS static
COPY app /app
RUN SECRET_KEY=for-collectstatic-only python manage.py collectstatic --no-input --verbosity 0

FROM base AS runtime
COPY --from=packages /venv /venv
COPY deploy/container /deploy
# A volume that is mounted over one of these folders for the first time takes over its owner.
RUN install --directory --owner=app --group=app /secrets/app /secrets/db /secrets/redis
COPY --from=static /app /app
ARG RELEASE=local
ARG SOURCE=""
LABEL org.opencontainers.image.title="Django + Channels" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$RELEASE" \
      org.opencontainers.image.source="$SOURCE"
ENV RELEASE=$RELEASE
USER 10001:10001
CMD ["gunicorn", "--config", "python:config.gunicorn", "config.wsgi"]
