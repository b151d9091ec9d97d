"""``python -m tests.benchmarks.fuzz [PARSER ...]``: strangers' files until the time is over.

Each parser reads good files that were damaged, byte by byte or value by value. It must give a result or one
sentence, within five seconds of work and 500 MB, and change no file outside its folder. Prints for each
parser how many files it read, in what time, and every kind of failure with the smallest file that shows it.
Exits with 1 if there was one.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from tests.fuzz.guard import Fault, Files, Parser
from tests.fuzz.parsers import PARSERS

ROUND = 500  # files between two looks at the clock
SHRINK = 30  # s after the end for making the last find small


@dataclass
class Hunt:
    """What one parser did.

    Attributes:
        count: files read.
        seconds: that it took.
        faults: the smallest file of each kind, with what was wrong.
    """

    count: int = 0
    seconds: float = 0.0
    faults: dict[str, tuple[Fault, Files]] = field(default_factory=dict)


def hunt(parser: Parser, seconds: float, first: int = 0) -> Hunt:
    """Let a parser read damaged files for a time; what fails in a known way is passed over."""
    found, began = Hunt(), time.monotonic()
    parser.check(parser.good())
    while time.monotonic() - began < seconds:
        _round(parser, found, first, began + seconds)
        first += 1
    found.seconds = time.monotonic() - began
    return found


def _round(parser: Parser, found: Hunt, number: int, end: float) -> None:
    """Some files, until one shows a failure that is not known yet; that one is made small."""
    smallest: list[Files] = []

    @seed(number)
    @settings(
        max_examples=ROUND, deadline=None, database=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @given(parser.examples)
    def read(files: Files) -> None:
        if time.monotonic() > end + SHRINK:
            return
        found.count += 1
        try:
            parser.check(files)
        except Fault as fault:
            if fault.kind not in found.faults:
                smallest[:] = [files]
                raise

    try:
        read()
    except Fault as fault:
        found.faults[fault.kind] = fault, smallest[0]
    except Flaky:  # not the second time: the machine was busy
        pass


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help=f"of {', '.join(PARSERS)}; default: all")
    parser.add_argument("--minutes", type=float, default=10, help="for each parser")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    unknown = set(options.parsers) - set(PARSERS)
    if unknown:
        parser.error(f"no parser {min(unknown)!r}; there are {', '.join(PARSERS)}")
    logging.disable(logging.CRITICAL)
    failures = 0
    for name in options.parsers or PARSERS:
        found = hunt(PARSERS[name], 60 * options.minutes, options.seed)
        failures += len(found.faults)
        print(
            f"{name:<12}{found.count:>8} files {found.seconds:>6.0f} s {len(found.faults):>3} failures",
            flush=True,
        )
        for fault, files in found.faults.values():
            print(f"  {fault}")
            for file, content in files.items():
                print(f"    {file}: {content[:600]!r}{'…' if len(content) > 600 else ''}", flush=True)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
