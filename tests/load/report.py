"""The run as JSON: every round of every row, and the machine it ran on."""

import os
import platform
from datetime import UTC, datetime
from typing import Any

from tests.load.table import Row


def machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def as_json(rows: list[Row]) -> dict[str, Any]:
    """`values` are medians, `ours_divided_by` the ratios that the table shows."""
    return {
        "machine": machine(),
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "better": row.better,
                "values": {name: row.value(name) for name in row.samples},
                "ours_divided_by": {name: row.ratio(name) for name in row.samples if name != "ours"},
                "rounds": row.samples,
                "notes": row.notes,
                "out": row.out,
            }
            for row in rows
        ],
    }
