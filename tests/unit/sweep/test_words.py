"""A tile as a cell: what it says is what its request was."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from retouch_nb.contract import Operation
from retouch_nb.magics.operations import OperationMagic
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session
from retouch_nb.sweep.plan import Request
from retouch_nb.sweep.words import magic


def operations(photo: Photo, mask: Mask) -> list[Operation]:
    return [
        Enhance(photo, type="face", scale_factor=4, sync=True),
        Inpaint(photo, mask),
        Inpaint(photo, rectangles=[(1, 2, 3, 4), (5, 6, 7, 8)]),
        RetouchObject(photo, mask, type=4),
        RetouchObject(photo, mask, retouch_strength=0, retain_mask=mask),
        Retouch(photo, "Heal 0.5; Dodge Burn 1.0 0.25 scale=2", layers=True),
        Retouch(photo, "Color Correction"),
    ]


@pytest.mark.parametrize("number", range(7))
def test_the_cell_makes_the_same_request(
    number: int, photo: Photo, mask: Mask, session: Session
) -> None:
    """Read by our own magic, it gives a request with the same identity."""
    asked = operations(photo, mask)[number]
    words = {"photo": "cat", "mask": "spot", "retain_mask": "spot"}
    line = magic(Request(asked, "local", "id"), words).partition(" ")[2]
    read = OperationMagic(type(asked), InteractiveShell.instance(), session)
    given = read.grammar.read(line)
    assert given.pop("provider") == "local"
    assert read.request(given, {"cat": photo, "spot": mask}).identity == asked.identity


def test_opacities_are_written_below(photo: Photo) -> None:
    """What no request can say is said in Python."""
    request = Request(Retouch(photo, "Heal 0.5", layers=True), None, "id", {"Heal": 0.25})
    assert magic(request).splitlines()[1] == "edit.layers.adjust('Heal', opacity=0.25)"
