#!/usr/bin/env python
"""Django's command line. Here, and only here, DEBUG is on unless the environment says otherwise:
this file is where a developer starts. The servers start elsewhere and the image says DEBUG=off."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DEBUG", "on")
    execute_from_command_line(sys.argv)
