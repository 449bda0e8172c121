"""Numbers in rows: what a row is, and how it is printed."""

import statistics
from dataclasses import dataclass, field

from tests.load.contenders import TITLES

# The highest round divided by the lowest.
UNSTEADY = 2


def percentile(values: list[float], part: float) -> float:
    """The value that `part` (0 to 1) of all are not above. `values` are sorted and not empty."""
    return values[max(0, -int(-part * len(values) // 1) - 1)]


@dataclass
class Row:
    """One line of the table: the rounds of each contender, and what else there is to say of it.

    `better` is "more" or "less". Who is in `out` did not take part, for that reason.
    """

    name: str
    title: str
    better: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    out: dict[str, str] = field(default_factory=dict)

    def add(self, contender: str, value: float) -> None:
        self.samples.setdefault(contender, []).append(value)

    def value(self, contender: str) -> float | None:
        """The median of its rounds."""
        return statistics.median(self.samples[contender]) if self.samples.get(contender) else None

    def ratio(self, contender: str) -> float | None:
        """Ours divided by its."""
        ours, its = self.value("ours"), self.value(contender)
        return ours / its if ours is not None and its else None


def number(value: float | None) -> str:
    """Three digits that count, thousands apart."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def factor(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def cell(row: Row, name: str) -> str:
    if name not in row.samples and name not in row.out:
        return ""
    value = number(row.value(name))
    return value if name == "ours" else f"{value} {factor(row.ratio(name)):>6}"


def remarks(rows: list[Row]) -> list[str]:
    """What there is to say, once for all rows that it holds for."""
    said: dict[str, list[str]] = {}
    for row in rows:
        for name in TITLES:
            for text in (row.notes.get(name), row.out.get(name)):
                if text:
                    said.setdefault(f"{TITLES[name]} {text}", []).append(row.name)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in said.items()]


def unsteady(rows: list[Row]) -> list[str]:
    """Whose rounds differ by more than UNSTEADY: on a busy machine that is noise, not a result."""
    return [
        f"{row.name}: unsteady, {TITLES[name]} had {number(min(values))} to {number(max(values))}"
        for row in rows
        for name, values in row.samples.items()
        if max(values) > UNSTEADY * min(values)
    ]


def aligned(lines: list[list[str]]) -> str:
    """Columns, the first one flush left, a rule below the first line."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            part.rjust(width) if column else part.ljust(width) for column, (part, width) in enumerate(cells)
        )
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def table(rows: list[Row]) -> str:
    """Absolute numbers, and behind each what ours is, divided by it."""
    names = [name for name in TITLES if any(name in row.samples or name in row.out for row in rows)]
    lines = [["", *(TITLES[name] for name in names)]]
    lines += [[f"{row.title} ({row.better} is better)", *(cell(row, name) for name in names)] for row in rows]
    legend = "Nx: ours divided by theirs. The median of all rounds."
    return "\n".join([aligned(lines), legend, *remarks(rows), *unsteady(rows)])
