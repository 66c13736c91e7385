"""A stack is a value: it reads, composites, changes into new stacks, and writes itself."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from retouch_nb.blend import BlendMode, Sheet, composite
from retouch_nb.errors import ParameterError, PictureError, ProtocolError, UnknownNameError
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.placement import Affine
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels

NAMES = (
    "Skin Mask",
    "Heal",
    "Dodge Burn",
    "Portrait Volumes",
    "Face Lifting",
    "Glasses Anti Glare",
)


def test_reads_what_the_vendor_sends(stack: LayerStack):
    """Every picture becomes a layer, in order, with its kind, mode and a note where needed."""
    assert stack.names == NAMES
    assert [layer.kind for layer in stack] == ["mask", "pixel", "pixel", "pixel", "flow", "patch"]
    assert stack["Dodge Burn"].blend_mode is BlendMode.SOFT_LIGHT
    assert len(stack) == 6
    assert len(stack.notes) == 1
    assert stack.metadata["jsonVersion"] == "1"


def test_composite(stack: LayerStack, parts: dict[str, Pixels], pixels: Pixels):
    """The composite is the blend of the picture layers, the patch placed as Pillow places it."""
    pictures = list(parts.values())
    placed = Image.fromarray(pictures[5]).transform(
        (64, 48),
        Image.Transform.AFFINE,
        tuple(stack["Glasses Anti Glare"].placement),
        Image.Resampling.BICUBIC,
    )
    sheets = [
        Sheet(pictures[1], BlendMode.NORMAL),
        Sheet(pictures[2], BlendMode.SOFT_LIGHT),
        Sheet(pictures[3], BlendMode.SOFT_LIGHT),
        Sheet(np.asarray(placed), BlendMode.LINEAR_LIGHT),
    ]
    expected = composite(pixels, sheets).astype(int)
    assert np.abs(stack.to_numpy() - expected).max() <= 2  # the patch rounds by strips
    assert np.array_equal(stack.composite().to_numpy(), stack.to_numpy())


def test_published_placement():
    """On the vendor's published matrix the composite is that of its script, within 2 of 255.

    The script resamples the patch to the photo's size with Pillow, bicubically, and adds twice the
    patch less 255, by the patch's alpha; here in floats, on the box that the patch covers.
    """
    size, box = (7542, 5304), (2800, 900, 5200, 2200)
    matrix = [
        [0.4455783679764828, -0.02047812768493906, -1237.0406014820285],
        [0.02047812768493906, 0.4455783679764828, -516.8577587088067],
    ]
    y, x = np.mgrid[:512, :1024]
    patch = np.stack([x // 4, y // 2, (x + y) % 256, 255 - x // 8], axis=-1).astype(np.uint8)
    patch[::37, ::41] = 255 - patch[::37, ::41]
    base = Photo.open(Image.new("L", size, 140))
    glare = Layer(
        name="Glasses Anti Glare",
        png=Png.of(patch),
        canvas=size,
        kind="patch",
        blend_mode=BlendMode.LINEAR_LIGHT,
        placement=Affine.of(matrix),
    )
    flat = np.ravel(matrix).tolist()
    whole = Image.fromarray(patch).transform(
        size, Image.Transform.AFFINE, flat, Image.Resampling.BICUBIC
    )
    overlay = np.asarray(whole.crop(box), dtype=np.float32)
    lit = np.clip(140 + 2 * overlay[..., :3] - 255, 0, 255)
    expected = 140 + (lit - 140) * (overlay[..., 3:] / 255)
    found = LayerStack(base, (glare,)).to_numpy()
    left, top, right, bottom = box
    assert np.abs(found[top:bottom, left:right] - expected).max() <= 2
    found[top:bottom, left:right] = 140
    assert found.min() == found.max() == 140
    assert glare.bbox == (2823, 924, 5170, 2177)


def test_changes_are_new_stacks(stack: LayerStack):
    """`adjust` gives a new stack and leaves the old one, and the encoded pictures, alone."""
    changed = stack.adjust("dodge_burn", opacity=0.6, visible=True, blend_mode="overlay")
    layer = changed["Dodge Burn"]
    assert (layer.opacity, layer.visible, layer.blend_mode) == (0.6, True, BlendMode.OVERLAY)
    assert stack["Dodge Burn"].opacity == 1.0
    assert layer.png is stack["Dodge Burn"].png
    assert not np.array_equal(changed.to_numpy(), stack.to_numpy())


def test_opacity_is_applied_after_the_blend(stack: LayerStack, pixels: Pixels):
    """A layer at half opacity gives the mean of the photo and of the layer at full opacity."""
    alone = stack.solo("Dodge Burn")
    full = alone.to_numpy().astype(int)
    half = alone.adjust("Dodge Burn", opacity=0.5).to_numpy()
    assert np.abs(half - (full + pixels) / 2).max() <= 1.5


def test_invisible_layers_change_nothing(stack: LayerStack, pixels: Pixels):
    """With all layers hidden, or at no opacity, the composite is the photo."""
    for change in ({"visible": False}, {"opacity": 0.0}):
        off = stack
        for name in NAMES:
            off = off.adjust(name, **change)
        assert np.array_equal(off.to_numpy(), pixels)


def test_solo(stack: LayerStack):
    """`solo` shows one layer on the photo and hides the others."""
    assert [layer.visible for layer in stack.solo(1)] == [i == 1 for i in range(6)]


def test_reorder(stack: LayerStack):
    """`reorder` changes the order and so the picture."""
    turned = stack.reorder([0, 4, "heal", "Glasses Anti Glare", 3, "Dodge Burn"])
    assert turned.names == (NAMES[0], NAMES[4], NAMES[1], NAMES[5], NAMES[3], NAMES[2])
    assert not np.array_equal(turned.to_numpy(), stack.to_numpy())


@pytest.mark.parametrize("order", [[], ["Heal"], [0, 0, 1, 2, 3, 4]])
def test_reorder_names_every_layer(stack: LayerStack, order: list[int | str]):
    """An order that forgets or repeats a layer is refused."""
    with pytest.raises(ParameterError, match="each layer once"):
        stack.reorder(order)


def test_unknown_layer(stack: LayerStack):
    """A name that no layer has is answered with the nearest one."""
    with pytest.raises(UnknownNameError, match="Dodge Burn"):
        stack.adjust("Doge Burn", opacity=0.5)
    with pytest.raises(IndexError, match="no layer 6"):
        stack[6]


def test_unknown_mode_can_be_set(photo: Photo, pixels: Pixels):
    """A layer left out for its unknown mode joins the composite once it is given one."""
    odd = Layer(name="x", png=Png.of(255 - pixels), canvas=(64, 48), blend_mode=None)
    stack = LayerStack(photo, (odd,))
    assert np.array_equal(stack.to_numpy(), pixels)
    assert np.array_equal(stack.adjust("x", blend_mode="normal").to_numpy(), 255 - pixels)


def test_colour_profile_and_name_are_kept(stack: LayerStack, pixels: Pixels):
    """The composite carries the photo's colour profile and name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = profile
    base = replace(Photo.open(image), name="anna")
    flat = replace(stack, base=base).composite()
    assert (flat.icc_profile, flat.name) == (profile, "anna")


def test_transparency_of_the_photo_is_kept(stack: LayerStack, pixels: Pixels):
    """A photo with alpha keeps it, and its colours are composited as if it were opaque."""
    alpha = np.random.default_rng(1).integers(0, 256, (48, 64, 1), np.uint8)
    cut = replace(stack, base=Photo.open(np.dstack([pixels, alpha])))
    assert np.array_equal(cut.to_numpy(), np.dstack([stack.to_numpy(), alpha]))


def test_wrong_photo(layered_zip: bytes):
    """Layers on a photo of another size are refused."""
    with pytest.raises(PictureError, match="uploaded"):
        LayerStack.from_zip(layered_zip, np.zeros((100, 100, 3), np.uint8))


def test_no_layers(photo: Photo):
    """A ZIP without pictures is not a layered result."""
    empty = io.BytesIO(b"PK\x05\x06" + bytes(18))
    with pytest.raises(ProtocolError, match="no layers"):
        LayerStack.from_zip(empty.getvalue(), photo)


def test_zip_round_trip(stack: LayerStack, photo: Photo, tmp_path: Path):
    """What `save_zip` writes, `from_zip` reads: pictures byte for byte, changes included."""
    changed = stack.adjust(1, opacity=0.25).adjust(
        "Dodge Burn", visible=False, blend_mode="soft light w3c"
    )
    again = LayerStack.from_zip(changed.save_zip(tmp_path / "a.zip"), photo)
    fields = ("name", "kind", "plugin", "opacity", "visible", "blend_mode", "placement")
    for found, wanted in zip(again, changed, strict=True):
        assert [getattr(found, f) for f in fields] == [getattr(wanted, f) for f in fields]
        assert found.png.data == wanted.png.data
    assert np.array_equal(again.to_numpy(), changed.to_numpy())


@pytest.mark.parametrize("mode", BlendMode)
def test_every_mode_survives_a_zip(
    mode: BlendMode, stack: LayerStack, photo: Photo, tmp_path: Path
):
    """The spelling written for each mode is the one read."""
    path = stack.adjust("Heal", blend_mode=mode).save_zip(tmp_path / "a.zip")
    assert LayerStack.from_zip(path, photo)["Heal"].blend_mode is mode


def test_names_of_strangers_survive_a_zip(photo: Photo, pixels: Pixels, tmp_path: Path):
    """A layer of no known plug-in keeps its name, less what a file name cannot hold."""
    odd = Layer(name="../my layer", png=Png.of(pixels), canvas=(64, 48))
    path = LayerStack(photo, (odd,)).save_zip(tmp_path / "a.zip")
    assert LayerStack.from_zip(path, photo).names == ("my layer",)


def test_save_layers(stack: LayerStack, tmp_path: Path, parts: dict[str, Pixels]):
    """Each layer is written as it was delivered, numbered, with result.json beside them."""
    paths = stack.save_layers(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        "01_Skin Mask_blendmode=none.png",
        "02_Heal_blendmode=normal.png",
        "03_Dodge Burn_blendmode=softLight.png",
        "04_Portrait Volumes_blendmode=softLight.png",
        "05_Face Lifting_blendmode=flow.png",
        "06_Glasses Anti Glare_blendmode=linearLight_patch.png",
        "result.json",
    ]
    for path, wanted in zip(paths[:-1], parts.values(), strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), wanted)


def test_preview(stack: LayerStack):
    """The preview has the same layers on a small photo, and composites."""
    small = stack.preview(20)
    assert max(small.base.size) <= 20
    assert small.names == stack.names
    flat = small.to_numpy()
    assert flat.shape[:2] == small.base.size[::-1]
    assert not np.array_equal(flat, small.base.to_numpy())
    assert stack.preview(1000) is stack


def test_repr_is_short(stack: LayerStack):
    """A stack introduces itself in a line."""
    assert repr(stack).startswith("<LayerStack 64 x 48, 6 layers: Skin Mask, Heal,")
