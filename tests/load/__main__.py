"""What the server can do, beside its peers and beside the limit: see tests/load/README.md."""

import argparse
import gc
import json
import os
import sys
import time
from pathlib import Path

from tests.load import chart, edge, growth, pages, report, rows
from tests.load.contenders import SETTINGS, TITLES, Contender, Ours
from tests.load.generator import Failed, Loop, raise_file_limit
from tests.load.measuring import FULL, QUICK, Measuring
from tests.load.publishing import Publisher
from tests.load.table import Row, table
from tests.machine import missing
from tests.stack.processes import Processes

# In this order: memory is measured on servers that did nothing else yet.
ROWS = {
    "memory": rows.memory,
    "deliveries": rows.deliveries,
    "singles": rows.singles,
    "visitors": rows.visitors,
    "latency": rows.latency,
    "connects": rows.connects,
    "post": pages.post,
    "page": pages.page,
    "static": pages.static,
    "edge": edge.edge,
}
# Not a row: a chart of its own, and no peers.
GROWTH = "growth"
# Seconds that a run takes at most. What is not measured by then is named.
LIMIT, QUICK_LIMIT = 15 * 60, 150
HERE = Path(__file__).parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    known = [*ROWS, GROWTH]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="fewer sockets and rounds, no growth")
    parser.add_argument("--only", metavar="NAMES", help=f"only these: {','.join(TITLES)}")
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="as JSON too, on stdout without FILE"
    )
    parser.add_argument("--charts", action="store_true", help="draw bench.svg and growth.svg anew")
    options = parser.parse_args()
    options.names = options.only.split(",") if options.only else list(TITLES)
    for unknown in {*options.rows, *options.names} - {*known, *TITLES}:
        parser.error(f"there is no {unknown}")
    if not options.rows:
        options.rows = list(ROWS) if options.quick else known
    return options


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace, loop: Loop, publisher: Publisher, stack: Processes) -> list[Row]:
    """All rows that were asked for, as far as the time allows."""
    contenders = [
        (Ours if name == "ours" else Contender)(name, loop, publisher, stack) for name in options.names
    ]
    measuring = Measuring(contenders, QUICK if options.quick else FULL, say)
    measured: list[Row] = []
    try:
        for contender in contenders:
            say(f"starting {TITLES[contender.name]}")
            contender.start()
        for name in [name for name in ROWS if name in options.rows]:
            started = time.monotonic()
            say(name)
            try:
                measured += ROWS[name](measuring)
            except Failed as error:
                say(f"  left out: {error}")
            say(f"  {time.monotonic() - started:.0f} s")
    finally:
        for contender in contenders:
            contender.stop()
    return measured


def main() -> int:
    options = arguments()
    if reason := missing("processes"):
        sys.exit(f"bench: {reason}")
    # What is made here lives to the end; a collection would be a pause in every latency.
    gc.disable()
    files = raise_file_limit()
    loop = Loop(QUICK_LIMIT if options.quick else LIMIT)
    # Before the run adds to it.
    machine = report.machine(os.getloadavg()[0])
    stack = Processes(**SETTINGS)
    measured: list[Row] = []
    points: list[growth.Point] = []
    failures: list[str] = []
    try:
        say("starting the stack")
        stack.up()
        publisher = Publisher(loop, stack)
        try:
            if set(options.rows) & set(ROWS):
                measured = measure(options, loop, publisher, stack)
            if GROWTH in options.rows:
                say(GROWTH)
                points, failures = growth.growth(loop, publisher, stack, files, say)
        finally:
            publisher.stop()
    finally:
        stack.down()
    # Then stdout is for a program.
    show = say if options.json == "-" else print
    if measured:
        show(table(measured))
    if points or failures:
        show(growth.table(points, failures))
    if options.json:
        text = json.dumps(report.as_json(machine, measured, points, failures), indent=2)
        print(text) if options.json == "-" else Path(options.json).write_text(text + "\n")
    if options.charts:
        chart.write(HERE, machine, measured, points)
    return 0


sys.exit(main())
