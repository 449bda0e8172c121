"""Gunicorn's configuration: `gunicorn --config python:config.gunicorn config.wsgi`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Read here, in the master, so that a wrong setting ends the process instead of its workers for ever.
from django.conf import settings

from config import environment as env

bind = env.WEB_BIND
# gthread, not sync: sync resets the connections in its backlog at SIGTERM.
worker_class = "gthread"
workers = env.WEB_WORKERS
threads = env.WEB_THREADS
# Recycle workers, not all at once, so that a slow leak never matters.
max_requests = 10000
max_requests_jitter = 1000
timeout = 30
# Less than stop_grace_period in docker-compose.prod.yml.
graceful_timeout = 25
# Longer than nginx keeps an idle connection, or nginx sends a request into one that just closed.
keepalive = 75
# nginx overwrites X-Forwarded-*, and nothing else can reach this port.
forwarded_allow_ips = "*"
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm"  # noqa: S108  the workers' own tmpfs, not a shared folder
# Its socket would be written to a read-only home (benoitc/gunicorn, 25.1).
control_socket_disable = True
logconfig_dict = settings.LOGGING
