"""The run as JSON: every round of every row, and the machine it ran on."""

import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tests.load.growth import Point
from tests.load.table import Row


def machine(load: float) -> dict[str, Any]:
    """What it ran on; `load` is the load average before the run began."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def as_json(
    machine: dict[str, Any], rows: list[Row], points: list[Point], failures: list[str]
) -> dict[str, Any]:
    """`values` are medians of `rounds`, `ours_divided_by` the ratios that the table shows."""
    return {
        "machine": machine,
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
        "growth": [asdict(point) for point in points],
        "growth_out": failures,
    }
