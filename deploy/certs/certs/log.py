"""JSON lines, as all services write them."""

import json
from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def say(level: str, message: str) -> None:
    """One line; `level` is INFO, WARNING or ERROR."""
    line = {"time": now().isoformat(), "role": "certs", "level": level, "logger": "certs", "message": message}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def at(moment: datetime) -> str:
    """A moment as people read it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
