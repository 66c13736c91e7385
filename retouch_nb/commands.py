"""What the command line understands: ``--help`` and the page of the reference are written from it."""

import argparse
from pathlib import Path

COMMANDS = {
    "demo": "execute the first notebook on real photos",
    "serve": "the embedded engine on a port",
    "doctor": "what is installed, configured and reachable",
    "docs": "write the reference from the declarations: pages, or the README's tables",
}


def parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Declare everything; give the parser of the whole line, and that of each command by its name.

    Examples
    --------
    >>> whole, each = parsers()
    >>> whole.parse_args(["serve", "--port", "0"]).port, each["doctor"].format_usage().strip()
    (0, 'usage: python -m retouch_nb doctor [-h]')
    """
    whole = argparse.ArgumentParser(
        "python -m retouch_nb", description="Photo retouching in a notebook cell."
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar=" | ".join(COMMANDS))
    each = {name: commands.add_parser(name, help=told) for name, told in COMMANDS.items()}
    _demo(each["demo"])
    _serve(each["serve"])
    _docs(each["docs"])
    return whole, each


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), help="folder for page and pictures"
    )


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 serves this machine alone")
    parser.add_argument("--port", type=int, default=8765, help="8765; 0 takes a free one")
    parser.add_argument("--key", help="the only key accepted; any non-empty one when left out")
    parser.add_argument(
        "--faults",
        action="store_true",
        help="let those who have the key switch faults on, at /engine/faults: for tests and teaching",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[=TIMES]",
        help="let this go wrong on purpose, once or so many times (0: always); may be given again",
    )


def _docs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="write every page here; the README's tables when left out",
    )
    parser.add_argument(
        "--check", action="store_true", help="only tell whether they are up to date"
    )
    parser.add_argument(
        "--readme", type=Path, default=Path("README.md"), help="where the tables stand"
    )
