"""The command line: ``python -m retouch_nb demo | serve | doctor | docs``."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from retouch_nb import demo, docs
from retouch_nb.doctor import examine
from retouch_nb.engine.settings import SERVED
from retouch_nb.errors import RetouchError


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    given = _parser().parse_args(words)
    try:
        return int(given.run(given))
    except RetouchError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "retouch_nb", description="Photo retouching in a notebook cell."
    )
    commands = parser.add_subparsers(required=True, metavar="demo | serve | doctor | docs")
    show = commands.add_parser("demo", help="execute the first notebook on real photos")
    show.add_argument(
        "--out", type=Path, default=Path("build/demo"), help="folder for page and pictures"
    )
    show.set_defaults(run=_demo)
    serve = commands.add_parser("serve", help="the embedded engine on a port")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    serve.add_argument("--key", help="the only key accepted; any non-empty one when left out")
    serve.add_argument(
        "--faults",
        action="store_true",
        help="let those who have the key switch faults on, at /engine/faults: for tests and teaching",
    )
    serve.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[=TIMES]",
        help="let this go wrong on purpose, once or so many times (0: always); may be given again",
    )
    serve.set_defaults(run=_serve)
    commands.add_parser("doctor", help="what is installed, configured and reachable").set_defaults(
        run=_doctor
    )
    tables = commands.add_parser(
        "docs", help="write the reference from the declarations: pages, or the README's tables"
    )
    tables.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="write every page here; the README's tables when left out",
    )
    tables.add_argument(
        "--check", action="store_true", help="only tell whether they are up to date"
    )
    tables.add_argument("--readme", type=Path, default=Path("README.md"))
    tables.set_defaults(run=_docs)
    return parser


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
    fresh = docs.update(given.readme, write=not given.check)
    print(
        f"{given.readme}: {'up to date' if fresh else 'written' if not given.check else 'stale; run make docs'}"
    )
    return 0 if fresh or not given.check else 1
