"""The script of a widget: one module, joined from files, for a module that a front end is given can import no other."""

from pathlib import Path

STATIC = Path(__file__).with_name("static")


def module(*names: str) -> str:
    """Give the script of a widget: its own file last, before it what it builds on or shares with others."""
    return "\n".join((STATIC / name).read_text("utf-8") for name in names)
