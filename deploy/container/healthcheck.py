"""Health probe: `python healthcheck.py URL` exits 0 when URL answers 200 within 3 s.

In the standard library, because the image has no curl and needs none.
"""

import sys
from urllib.error import URLError
from urllib.request import urlopen

try:
    # The URL is written in docker-compose.prod.yml, next to the server that it asks.
    urlopen(sys.argv[1], timeout=3)  # noqa: S310
except (URLError, OSError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
