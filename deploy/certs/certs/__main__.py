"""python3 -m certs [install | health]"""

import os
import signal
import sys

from certs.log import now, say
from certs.settings import Settings, WrongSetting, read


def main(arguments: list[str]) -> int:
    """Without an argument it serves, until SIGTERM. Returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings = read(os.environ)
        match arguments:
            case []:
                return serve(settings)
            case ["health"]:
                return health(settings)
            case ["install"]:
                return install(settings)
        say("ERROR", "The commands are: install, health, and none to serve.")
        return 2
    except WrongSetting as error:
        say("ERROR", str(error))
    except OSError as error:
        say("ERROR", f"Something can't be read or written: {error}.")
    return 1


# Imported where it is needed: a health check runs all the time, and TLS=off needs nothing.
def serve(settings: Settings) -> int:
    from certs import serve

    {"acme": serve.from_ca, "files": serve.own_files, "off": serve.nothing}[settings.tls](settings)


def health(settings: Settings) -> int:
    """Exits 0, or 1 with a sentence."""
    if settings.tls != "off":
        from certs.health import complaint

        if wrong := complaint(settings, now()):
            print(wrong)
            return 1
    return 0


def install(settings: Settings) -> int:
    """TLS=files: take the certificate and the key that come on stdin into use."""
    from certs import health, store

    if settings.tls != "files":
        say("ERROR", f"TLS={settings.tls} has no use for a certificate of your own: set TLS=files first.")
        return 1
    try:
        pair = store.parse(sys.stdin.buffer.read())
        pair.check(settings.names, now())
    except store.Unusable as error:
        say("ERROR", f"Nothing is installed. {error}")
        return 1
    store.publish(pair, settings.certificates)
    say("INFO", f"{health.describe(pair, now())} nginx takes it within a minute.")
    if len(pair.chain) == 1 and pair.chain[0].issuer != pair.chain[0].subject:
        say(
            "WARNING",
            "The issuer's certificate did not come with it: without that, some clients won't trust it.",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
