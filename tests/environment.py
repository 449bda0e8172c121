"""The environment that tests import the settings in. A pytest plugin, because settings come first."""

import os

os.environ.update(DEBUG="on", LOG_LEVEL="WARNING")
