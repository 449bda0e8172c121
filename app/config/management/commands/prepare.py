"""What has to be true before the servers start. The service `migrate` runs it on each `up`."""

import time

from django.core.management import BaseCommand, CommandError, call_command
from django.db import OperationalError, connection

# Only one of several hosts that start together migrates; the others wait, then find nothing to do.
MIGRATION_LOCK = 0x6368616E6E656C73 >> 1


class Command(BaseCommand):
    help = "Check the settings, wait for the database, apply the migrations under a lock."
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--wait",
            type=float,
            default=30,
            metavar="SECONDS",
            help="how long to wait for the database (default: 30)",
        )

    def handle(self, *, wait: float, **options: object) -> None:
        call_command("check")
        self.wait_for_database(wait)
        if connection.vendor != "postgresql":
            call_command("migrate", interactive=False)
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            try:
                call_command("migrate", interactive=False)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])

    def wait_for_database(self, seconds: float) -> None:
        """Raise CommandError with the database's own words when it has not answered in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                connection.ensure_connection()
                return
            except OperationalError as error:
                if time.monotonic() > deadline:
                    reason = " ".join(str(error).split())
                    raise CommandError(
                        f"The database has not answered for {seconds:g} s: {reason}. "
                        f"Check DATABASE_URL and that the database runs."
                    ) from None
                time.sleep(0.5)
