"""The command line, ``python -m retouch_nb``: what each command does."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from retouch_nb import demo, docs
from retouch_nb.commands import parsers
from retouch_nb.doctor import examine
from retouch_nb.engine.settings import SERVED
from retouch_nb.errors import RetouchError


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    given = parsers()[0].parse_args(words)
    run = {"demo": _demo, "serve": _serve, "doctor": _doctor, "docs": _docs}[given.command]
    try:
        return run(given)
    except RetouchError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _demo(given: argparse.Namespace) -> int:
    demo.run(given.out)
    return 0


def _serve(given: argparse.Namespace) -> int:
    from retouch_nb.engine.serve import serve  # loads uvicorn

    settings = replace(SERVED, fault_route=given.faults)
    serve(given.host, given.port, key=given.key, settings=settings, faults=given.fault)
    return 0


def _doctor(given: argparse.Namespace) -> int:
    print(examine())
    return 0


def _docs(given: argparse.Namespace) -> int:
    if given.folder:
        print(f"{len(docs.write(given.folder))} pages; begin with {given.folder / 'index.md'}")
        return 0
    stale = "stale; run make docs" if given.check else "written"
    fresh = docs.update(given.readme, write=not given.check)
    print(f"{given.readme}: {'up to date' if fresh else stale}")
    return 0 if fresh or not given.check else 1
