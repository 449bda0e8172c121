"""The table and the growth as SVG, for light and for dark pages, readable without the colours."""

from html import escape
from pathlib import Path
from typing import Any

from tests.load.contenders import TITLES
from tests.load.growth import PROCESSES, RATE, Point
from tests.load.table import Row, factor, number, remarks, unsteady

STYLE = """
svg { --ink: #1a1f22; --muted: #5a646b; --line: #d5dadd; --ours: #0f6b5c; --other: #aab4ba; --page: #fff }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e7eaeb; --muted: #9aa5ab; --line: #333b40; --ours: #6fcfb8; --other: #56616a; --page: #111 }
}
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink) }
.title { font-size: 17px; font-weight: 600 } .head { font-weight: 600 } .muted { fill: var(--muted) }
.end { text-anchor: end } .middle { text-anchor: middle }
.page { fill: var(--page) } .ours { fill: var(--ours) } .other { fill: var(--other) }
.rule { stroke: var(--line) }
"""
WIDTH, MARGIN = 860, 24
STYLES = dict(zip(PROCESSES, ("ours", "other"), strict=True))


def text(x: float, y: float, content: str, style: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{style}">{escape(content)}</text>'


def rectangle(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" class="{style}"/>'


def svg(title: str, subtitle: str, height: float, parts: list[str]) -> str:
    """A whole document, with its title and when and where it was measured."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
            ' aria-labelledby="title subtitle">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="subtitle">{escape(subtitle)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height:.0f}" class="page"/>',
            text(MARGIN, 34, title, "title"),
            text(MARGIN, 55, subtitle, "muted"),
            *parts,
            "</svg>\n",
        ]
    )


def measured_on(machine: dict[str, Any]) -> str:
    cores = f"{machine['cores']} cores, load {machine['load_before']} before"
    return f"{machine['date']}, {cores}, {machine['system']}, Python {machine['python']}"


def bars(row: Row, x: float, y: float, width: float) -> tuple[list[str], float]:
    """One row of the table as bars; returns the parts and where it ends."""
    label, figures = 96, 112
    most = max(row.value(name) for name in row.samples)
    parts = [text(x, y, row.title, "head"), text(x, y + 16, f"{row.better} is better", "muted")]
    y += 26
    for name in (name for name in TITLES if name in row.samples):
        value = row.value(name)
        length = max(1.0, (width - label - figures) * value / most)
        mark = "*" if name in row.notes else ""
        ratio = "" if name == "ours" else f" ({factor(row.ratio(name))})"
        parts += [
            text(x + label - 8, y + 12, TITLES[name] + mark, "end"),
            rectangle(x + label, y + 2, length, 12, "ours" if name == "ours" else "other"),
            text(x + label + length + 6, y + 12, f"{number(value)}{ratio}"),
        ]
        y += 18
    return parts, y + 22


def bench(machine: dict[str, Any], rows: list[Row]) -> str:
    """All rows in two columns, each in a scale of its own, and the table's notes below."""
    parts: list[str] = []
    ends = [92.0, 92.0]
    column = (WIDTH - 3 * MARGIN) / 2
    rows = [row for row in rows if row.name != "visitors"]
    for row in (row for row in rows if row.samples):
        side = ends.index(min(ends))
        added, ends[side] = bars(row, MARGIN + side * (column + MARGIN), ends[side], column)
        parts += added
    bottom = max(ends)
    notes = [*remarks(rows), *unsteady(rows)]
    for number_of_note, note in enumerate(notes):
        parts.append(text(MARGIN, bottom + 16 * number_of_note, note, "muted"))
    subtitle = f"{measured_on(machine)}. Nx: ours divided by theirs, in the same run, through nginx."
    return svg("Beside stock Channels servers, and the limit", subtitle, bottom + 16 * len(notes) + 8, parts)


def panel(points: list[Point], name: str, title: str, x: float, y: float, width: float) -> list[str]:
    """One quantity: a group of bars for each number of sockets, in it one for each number of processes."""
    most = max(getattr(point, name) for point in points)
    counts = sorted({point.sockets for point in points})
    group, bar, full = width / len(counts), width / len(counts) / 2 - 8, 150
    bottom = y + 40 + full
    parts = [text(x, y, title, "head")]
    for point in points:
        left = x + group * counts.index(point.sockets) + (bar + 4) * PROCESSES.index(point.processes)
        value = getattr(point, name)
        height = full * value / most
        parts.append(rectangle(left, bottom - height, bar, height, STYLES[point.processes]))
        parts.append(text(left + bar / 2, bottom - height - 5, number(value), "middle"))
    for place, sockets in enumerate(counts):
        parts.append(text(x + group * place + bar + 2, bottom + 18, f"{sockets:,}", "muted middle"))
    return [*parts, f'<path d="M{x:.1f} {bottom}H{x + width:.1f}" class="rule"/>']


def grown(machine: dict[str, Any], points: list[Point]) -> str:
    """Three panels: memory, processor time, latency."""
    width = (WIDTH - 4 * MARGIN) / 3
    panels = {"memory": "KiB a socket", "cpu": "µs of processor time a delivery", "p99": "p99, ms"}
    parts: list[str] = []
    for place, (name, title) in enumerate(panels.items()):
        parts += panel(points, name, title, MARGIN + place * (width + MARGIN), 92, width)
    for place, (processes, style) in enumerate(STYLES.items()):
        left = MARGIN + 130 * place
        parts.append(rectangle(left, 322, 12, 12, style))
        parts.append(text(left + 18, 333, f"{processes} process{'es' if processes > 1 else ''}"))
    subtitle = f"{measured_on(machine)}. Sockets below; {RATE:,} deliveries/s at each point, without nginx."
    return svg("What a socket and a delivery cost as the sockets grow", subtitle, 352, parts)


def write(folder: Path, machine: dict[str, Any], rows: list[Row], points: list[Point]) -> None:
    """bench.svg and growth.svg, each if there is something to draw."""
    if any(row.samples for row in rows):
        (folder / "bench.svg").write_text(bench(machine, rows))
    if points:
        (folder / "growth.svg").write_text(grown(machine, points))
