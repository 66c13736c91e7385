import numpy as np
import pytest

from retouch_nb.blend import BlendMode
from retouch_nb.gallery import gallery
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo

PHOTO = Photo.open(np.full((40, 60, 3), 100, np.uint8))


def layer(name: str, **options: object) -> Layer:
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[10:20, 10:40] = 255
    return Layer(name=name, png=Png.of(pixels), canvas=(60, 40), **options)


def test_every_layer_is_shown_with_its_effect() -> None:
    """A card has the layer on a checkerboard and the photo with that layer alone, small and large."""
    html = gallery(
        LayerStack(PHOTO, (layer("Heal"), layer("Dodge Burn", blend_mode=BlendMode.SOFT_LIGHT)))
    )
    assert html.count("<figure") == 2
    assert html.count("<img") == 8
    assert "Soft Light" in html
    assert "covers 12 %" in html


def test_selections_and_displacements_have_no_effect_to_show() -> None:
    """What is never composited is shown as it is, and said to be what it is."""
    html = gallery(LayerStack(PHOTO, (layer("Skin Mask", kind="mask", blend_mode=None),)))
    assert html.count("<img") == 2
    assert "selection" in html


def test_a_name_from_a_service_cannot_bring_script() -> None:
    """Names and notes are text, whatever is in them."""
    html = gallery(
        LayerStack(PHOTO, (layer("<script>x</script>"),), notes=("<img src=x onerror=y>",))
    )
    assert "<script" not in html
    assert "onerror=y>" not in html


@pytest.mark.parametrize("size", [(40, 60), (400, 600)])
def test_only_small_files_travel_in_the_notebook(size: tuple[int, int]) -> None:
    """A small layer can be downloaded from the page; for a large one the command is named."""
    noise = np.random.default_rng(0).integers(0, 255, (*size, 4), np.uint8)
    big = Layer(name="Heal", png=Png.of(noise), canvas=size[::-1])
    html = gallery(LayerStack(Photo.open(noise[..., :3]), (big,)))
    assert ("download=" in html) == (size == (40, 60))
    assert ("save_layers" in html) == (size != (40, 60))
