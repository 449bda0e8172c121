"""What the server can do, beside its peers and beside the limit: see tests/load/README.md."""

import argparse
import gc
import json
import sys
import time
from pathlib import Path

from tests.load import pages, report, rows
from tests.load.contenders import TITLES, Contender, Ours
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
    "latency": rows.latency,
    "connects": rows.connects,
    "post": pages.post,
    "page": pages.page,
    "static": pages.static,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="fewer sockets and rounds, in two minutes")
    parser.add_argument(
        "--only", metavar="NAMES", help=f"only these, with commas between: {','.join(TITLES)}"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers there as well")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(unknown)}")
    options.names = options.only.split(",") if options.only else list(TITLES)
    if unknown := set(options.names) - set(TITLES):
        parser.error(f"there is no contender {', '.join(unknown)}")
    return options


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace, stack: Processes) -> list[Row]:
    """All rows that were asked for, as far as the time allows."""
    loop = Loop(150 if options.quick else 900)
    publisher = Publisher(loop, stack)
    contenders = [
        (Ours if name == "ours" else Contender)(name, loop, publisher, stack) for name in options.names
    ]
    measuring = Measuring(contenders, QUICK if options.quick else FULL, say)
    measured: list[Row] = []
    try:
        for contender in contenders:
            say(f"starting {TITLES[contender.name]}")
            contender.start()
        for name in [name for name in ROWS if not options.rows or name in options.rows]:
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
        publisher.stop()
    return measured


def main() -> int:
    options = arguments()
    if reason := missing("processes"):
        sys.exit(f"bench: {reason}")
    # What is made here lives to the end; a collection would be a pause in every latency.
    gc.disable()
    raise_file_limit()
    stack = Processes()
    try:
        say("starting the stack")
        stack.up()
        measured = measure(options, stack)
    finally:
        stack.down()
    print(table(measured))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(measured), indent=2) + "\n")
    return 0


sys.exit(main())
