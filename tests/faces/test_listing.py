"""What a fresh shell has after the extension was loaded."""

import sys

from retouch_nb.magics.listing import listing
from retouch_nb.providers import operations


def test_the_list_holds_every_operation_and_its_help() -> None:
    """Operations can take a cell; the rest is whatever is registered, each with help."""
    found = {magic.name: magic for magic in listing()}
    assert set(operations()) | {"retouch_nb"} <= set(found)
    assert all(magic.summary for magic in found.values())
    assert found["retouch"].cell and not found["retouch_nb"].cell


def test_looking_leaves_the_process_as_it_was() -> None:
    """The main module is the one it was."""
    main = sys.modules["__main__"]
    listing()
    assert sys.modules["__main__"] is main
