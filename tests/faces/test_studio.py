"""The studio keeps what makes sense, gives Python's stack of it, and lets go when it is closed."""

import zlib
from typing import Any

import numpy as np
import pytest

from retouch_nb.blend import BlendMode
from retouch_nb.errors import ParameterError, UnknownNameError
from retouch_nb.layers import Layer, LayerStack, Png
from retouch_nb.photo import Photo
from retouch_nb.widgets.studio import LONGEST, Studio


def layer(name: str, *, size: tuple[int, int] = (64, 48), kind: Any = "pixel") -> Layer:
    """Give a layer of one colour with ink in a box of 10 x 20 pixels."""
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    pixels[5:25, 3:13] = (200, 100, 50, 128)
    return Layer(name=name, plugin=name, png=Png.of(pixels), canvas=size, kind=kind)


@pytest.fixture
def stack(photo: Photo) -> LayerStack:
    """Give three layers, the last one a selection."""
    return LayerStack(photo, (layer("Heal"), layer("Dodge Burn"), layer("Skin Mask", kind="mask")))


@pytest.fixture
def studio(stack: LayerStack) -> Studio:
    """Open them."""
    return stack.studio()


def choice(**changes: Any) -> dict[str, Any]:
    """Give what a browser says that changed the lowest layer."""
    plain = {"visible": True, "opacity": 1.0, "blend_mode": "Normal"}
    layers = [{"at": at, **plain} for at in range(3)]
    layers[0] |= changes
    return {"layers": layers, "solo": None}


def browser_says(studio: Studio, chosen: Any) -> None:
    """Deliver a state as a front end does."""
    content = {"data": {"method": "update", "state": {"chosen": chosen}}}
    studio.comm.handle_msg({"content": content, "buffers": []})


def test_a_choice_becomes_a_stack(studio: Studio, stack: LayerStack) -> None:
    """Opacity, mode, visibility and order of the browser are those of Python's stack; what was given stays as it is."""
    chosen = choice(opacity=0.25, blend_mode="Multiply")
    chosen["layers"] = [chosen["layers"][at] for at in (1, 0, 2)]
    browser_says(studio, chosen)
    assert studio.stack.names == ("Dodge Burn", "Heal", "Skin Mask")
    heal = studio.stack["Heal"]
    assert (heal.opacity, heal.blend_mode) == (0.25, BlendMode.MULTIPLY)
    assert stack.names[0] == "Heal" and stack[0].opacity == 1


def test_solo_hides_all_others(studio: Studio, stack: LayerStack) -> None:
    """One layer alone is what `LayerStack.solo` gives."""
    browser_says(studio, {**choice(), "solo": 1})
    assert (studio.composite().to_numpy() == stack.solo(1).to_numpy()).all()


MALFORMED = [
    {},
    {"layers": []},
    {"layers": 7, "solo": None},
    {**choice(), "solo": 9},
    {**choice(), "solo": "all"},
    choice(opacity=2),
    choice(opacity="much"),
    choice(opacity=float("nan")),
    choice(blend_mode="Sparkle"),
    choice(at=1),
    choice(at=10**9),
]


@pytest.mark.parametrize("chosen", MALFORMED, ids=str)
def test_nonsense_is_refused_and_nothing_lost(studio: Studio, chosen: Any) -> None:
    """A malformed choice leaves the one before, says why, and the next good one is taken."""
    browser_says(studio, choice(opacity=0.5))
    browser_says(studio, chosen)
    assert studio.stack[0].opacity == 0.5
    assert studio.trouble.startswith("A choice was refused")
    browser_says(studio, choice(opacity=0.75))
    assert (studio.stack[0].opacity, studio.trouble) == (0.75, "")


@pytest.mark.parametrize(
    "content", [None, [], "render", {"kind": "erase"}, {"kind": "render", "x": 1}]
)
def test_other_messages_change_nothing(studio: Studio, content: Any) -> None:
    """A browser is not trusted: what is no wish for full resolution is ignored."""
    before = studio.chosen
    message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
    studio.comm.handle_msg(message)
    assert studio.chosen == before


def test_python_is_told_of_its_own_mistakes(studio: Studio) -> None:
    """What is refused from a browser in words is an error where a person typed it."""
    with pytest.raises(UnknownNameError, match="no layer 'Hael'"):
        studio.adjust("Hael", opacity=0.5)
    with pytest.raises(ParameterError, match="outside 0 to 1"):
        studio.adjust("Heal", opacity=1.5)
    assert studio.stack[0].opacity == 1


def test_only_ink_travels(studio: Studio) -> None:
    """The browser gets the box of a layer that is not transparent, and no pixels of what is shown only."""
    heal, _, mask = studio.layers
    assert heal["box"] == [3, 5, 10, 20]
    assert len(zlib.decompress(heal["pixels"])) == 10 * 20 * 4
    assert not zlib.decompress(mask["pixels"]) and "selection" in mask["note"]


def test_a_large_photo_travels_small() -> None:
    """The preview's longer side is limited, whatever the photo's."""
    large = Photo.open(np.zeros((1300, 2600, 3), np.uint8))
    studio = LayerStack(large, (layer("Heal", size=large.size),)).studio()
    assert max(studio.base["size"]) <= LONGEST
    studio.adjust(0, opacity=0.5)
    assert studio.composite().size == (2600, 1300)


def test_a_stack_has_one_studio_until_it_is_closed(stack: LayerStack) -> None:
    """Asking again shows the same choices; closing ends them."""
    first = stack.studio()
    first.adjust("heal", opacity=0.5)
    assert stack.studio() is first
    first.close()
    assert stack.studio() is not first
    assert stack.studio().stack[0].opacity == 1


def test_a_script_can_show_and_close_it(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no shell, showing and inserting print words, and closing does no harm."""
    studio._ipython_display_()
    studio.insert_cell()
    studio.close()
    assert "%%retouch photo" in capsys.readouterr().out


def test_what_was_composited_for_the_view_is_at_hand(studio: Studio) -> None:
    """The same choice is composited once; another one anew."""
    studio._render()
    first = studio.composite()
    assert studio.composite() is first
    studio.adjust(0, opacity=0.5)
    assert studio.composite() is not first
