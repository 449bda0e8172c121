"""Write what the services need to know and nobody else does. Runs before them, on every `up`.

Each folder is a volume that only the services named in its comment mount. A file that exists is
kept, so a second run changes nothing and a file of yours is never replaced.
"""

import hashlib
import os
import secrets
import sys
from pathlib import Path

ROOT = Path("/secrets")


def keep(path: Path, content: str) -> str:
    """The content of `path`, which is written first if it isn't there: all of it or nothing."""
    if not path.exists():
        new = path.with_name(f".{path.name}")
        new.unlink(missing_ok=True)
        # 0440: the container's user owns it, and PostgreSQL and Redis (group 999) may read theirs.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)
        with open(descriptor, "w") as file:
            file.write(content)
            os.fsync(descriptor)
        new.rename(path)
        print(f"wrote {path.name}")
    return path.read_text().strip()


def main(root: Path = ROOT) -> None:
    # web, ws, migrate
    keep(root / "app/secret_key", secrets.token_urlsafe(64))
    database_password = keep(root / "app/database_password", secrets.token_urlsafe(32))
    redis_password = keep(root / "app/redis_password", secrets.token_urlsafe(32))

    # db: the superuser's password, and the role that the servers log in as, which is none.
    keep(root / "db/postgres_password", secrets.token_urlsafe(32))
    keep(
        root / "db/app.sql",
        f"CREATE ROLE app LOGIN PASSWORD '{database_password}';\nCREATE DATABASE app OWNER app;\n",
    )

    # redis: the few commands that the channel layer sends, and a user for the health check.
    password_hash = hashlib.sha256(redis_password.encode()).hexdigest()
    keep(
        root / "redis/users.acl",
        "user default off\n"
        "user health on nopass resetchannels -@all +ping\n"
        f"user app on #{password_hash} resetchannels &asgi* -@all"
        " +subscribe +unsubscribe +publish +ping +client|setinfo\n",
    )


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"The secrets can't be written: {error}. Free some space, or remove the volume.")
