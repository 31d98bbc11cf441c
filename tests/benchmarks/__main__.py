"""What fluentml costs, always beside TFX by hand in the same run.

python -m tests.benchmarks [WORK…] [--rounds N] [--rows N] [--json] [--write] [--note TEXT]
"""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from tests.benchmarks import results
from tests.benchmarks.works import ROWS, courses


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [name for course in courses() for name in course.works]
    parser.add_argument(
        "works", nargs="*", metavar="WORK", help=f"{', '.join(names)}; default: all"
    )
    parser.add_argument("--rounds", type=int, help="of each; default: more of the short ones")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"of data; default: {ROWS:,}")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--write", action="store_true", help="keep the results in README.md")
    parser.add_argument("--note", default="", help="what a reader of the results should know")
    given = parser.parse_args(arguments)
    unknown = {*given.works} - {*names}
    if unknown:
        parser.error(f"no work {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    if given.write and given.rows != ROWS:
        parser.error(f"--write keeps results of {ROWS:,} rows only")
    progress, found = Console(stderr=True), {}
    for course in courses(given.rows):
        if not given.works or course.works.keys() & {*given.works}:
            with progress.status("") as status:
                for name, costs in course.measured(given.rounds or course.rounds, status.update):
                    found[name] = results.result_of(course.works[name], costs, given.note)
            if given.write:
                results.write(found)
    if given.json:
        json.dump({**results.machine(), "works": found}, sys.stdout, indent=1)
    else:
        Console().print(results.table_of(found))


if __name__ == "__main__":
    main()
