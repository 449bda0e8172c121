"""The table and the JSON."""

import os
import platform
from datetime import UTC, datetime
from typing import Any

from tests.load.contenders import TITLES
from tests.load.rows import Row


def number(value: float | None) -> str:
    """Three digits that count, thousands apart."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def factor(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def cell(row: Row, name: str) -> str:
    if name not in row.samples and name not in row.notes:
        return ""
    ratio = "" if name == "ours" else factor(row.ratio(name))
    return f"{number(row.value(name))} {ratio:>6}" if name != "ours" else number(row.value(name))


def table(rows: list[Row]) -> str:
    """Absolute numbers, and behind each that of ours divided by it."""
    names = [name for name in TITLES if any(name in row.samples or name in row.notes for row in rows)]
    lines = [["ours ÷ theirs behind each number", *(TITLES[name] for name in names)]]
    lines += [[f"{row.title} ({row.better} is better)", *(cell(row, name) for name in names)] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names) + 1)]
    text = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(part.rjust(width) for part, width in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    ]
    notes = [f"{row.title}: {TITLES[name]} {note}" for row in rows for name, note in row.notes.items()]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *notes])


def as_json(rows: list[Row]) -> dict[str, Any]:
    return {
        "machine": machine(),
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "unit": row.unit,
                "better": row.better,
                "values": {name: row.value(name) for name in row.samples},
                "ours_divided_by": {name: row.ratio(name) for name in row.samples if name != "ours"},
                "rounds": row.samples,
                "notes": row.notes,
            }
            for row in rows
        ],
    }
