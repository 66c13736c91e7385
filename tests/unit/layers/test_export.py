"""Layered files read back as the composite, with names, modes, opacities and places."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageCms

from retouch_nb.blend import BlendMode
from retouch_nb.errors import PictureError, RetouchError
from retouch_nb.layers import Layer, LayerStack
from retouch_nb.layers.ora import save_ora
from retouch_nb.layers.placement import At
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Photo, Pixels

psd_tools = pytest.importorskip("psd_tools")


@pytest.fixture
def adjusted(stack: LayerStack) -> LayerStack:
    """Give a stack with changes that a file must keep."""
    return stack.adjust("Dodge Burn", opacity=0.6).adjust("Portrait Volumes", visible=False)


def test_psd_keeps_everything(adjusted: LayerStack, tmp_path: Path):
    """A PSD has the photo below a group of layers with their names, modes, opacities and places."""
    document = psd_tools.PSDImage.open(adjusted.save_psd(tmp_path / "a.psd"))
    photo, group = document
    assert (photo.name, photo.size) == ("Photo", (64, 48))
    assert (group.name, group.blend_mode.name) == ("Retouch", "PASS_THROUGH")
    assert [layer.name for layer in group] == list(adjusted.names)
    assert [layer.visible for layer in group] == [False, True, True, False, False, True]
    assert [layer.opacity for layer in group] == [255, 255, 153, 255, 255, 255]
    assert [layer.blend_mode.name for layer in group][1:4] == ["NORMAL", "SOFT_LIGHT", "SOFT_LIGHT"]
    assert group[5].blend_mode.name == "LINEAR_LIGHT"
    assert group[1].bbox == (12, 10, 30, 20)
    patch = adjusted["Glasses Anti Glare"].cut_out()
    assert (group[5].offset, group[5].size) == (patch.offset, patch.pixels.shape[1::-1])


def test_psd_merged_picture(adjusted: LayerStack, tmp_path: Path):
    """The flat picture in a PSD is our composite."""
    document = psd_tools.PSDImage.open(adjusted.save_psd(tmp_path / "a.psd"))
    assert np.array_equal(np.asarray(document.topil()), adjusted.to_numpy())
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "a.psd").convert("RGB")), adjusted.to_numpy()
    )


def test_psd_opened_by_a_stranger(stack: LayerStack, tmp_path: Path):
    """psd-tools' own compositor, where formulas agree, sees our composite within its rounding."""
    plain = stack.adjust("Dodge Burn", blend_mode="overlay").adjust(3, blend_mode="multiply")
    document = psd_tools.PSDImage.open(plain.save_psd(tmp_path / "a.psd"))
    theirs = np.asarray(document.composite(force=True).convert("RGB"))
    assert np.abs(theirs.astype(int) - plain.to_numpy()).max() <= 4


def test_psd_skin_mask(stack: LayerStack, tmp_path: Path):
    """The skin mask is a hidden white layer with the selection as its layer mask."""
    document = psd_tools.PSDImage.open(stack.save_psd(tmp_path / "a.psd"))
    skin = document[1][0]
    assert not skin.visible
    assert np.array_equal(np.asarray(skin.mask.topil()), stack["Skin Mask"].to_mask())
    assert np.asarray(skin.topil().convert("RGB")).min() == 255


def test_psd_colour_profile(stack: LayerStack, pixels: Pixels, tmp_path: Path):
    """The photo's colour profile is in the PSD."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = profile
    path = replace(stack, base=Photo.open(image)).save_psd(tmp_path / "a.psd")
    document = psd_tools.PSDImage.open(path)
    resource = psd_tools.constants.Resource.ICC_PROFILE
    assert document.image_resources.get_data(resource) == profile


@pytest.mark.parametrize("mode", BlendMode)
def test_every_mode_in_every_format(mode: BlendMode, stack: LayerStack, tmp_path: Path):
    """Each mode has a name in PSD and in OpenRaster, and reads back as the composite."""
    changed = stack.adjust("Heal", blend_mode=mode)
    changed.save_psd(tmp_path / "a.psd")
    changed.save_ora(tmp_path / "a.ora")


def test_large_document_format(stack: LayerStack, tmp_path: Path):
    """A path that ends in .psb gives the large variant of the format."""
    path = stack.save_psd(tmp_path / "a.psb")
    assert path.read_bytes()[:6] == b"8BPS\x00\x02"
    assert psd_tools.PSDImage.open(path).size == (64, 48)


def test_psd_has_a_longest_side(tmp_path: Path):
    """Above 30 000 pixels a side the ending .psb is asked for."""
    wide = Photo.open(Image.new("L", (30_001, 1)))
    with pytest.raises(PictureError, match=r"\.psb"):
        LayerStack(wide, ()).save_psd(tmp_path / "a.psd")


def test_empty_and_odd_layers(photo: Photo, tmp_path: Path):
    """Layers with nothing to show, outside the photo, or with long foreign names are written too."""
    clear = Layer(name="лак" * 100, png=Png.of(np.zeros((48, 64, 4), np.uint8)), canvas=(64, 48))
    white = Png.of(np.full((9, 9, 4), 255, np.uint8))
    outside = Layer(name="<out>&", png=white, canvas=(64, 48), placement=At(100, 100))
    edge = Layer(name="edge", png=white, canvas=(64, 48), placement=At(-4, 44))
    for layers in ((clear, outside, edge), ()):
        stack = LayerStack(photo, layers)
        for path in (stack.save_psd(tmp_path / "a.psd"), stack.save_ora(tmp_path / "a.ora")):
            assert path.exists()


def test_ora_keeps_everything(adjusted: LayerStack, tmp_path: Path):
    """An OpenRaster file is laid out as specified and keeps names, modes, opacities and places."""
    path = adjusted.save_ora(tmp_path / "a.ora")
    assert path.read_bytes()[30:54] == b"mimetypeimage/openraster"
    with zipfile.ZipFile(path) as archive:
        assert {"stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"} < set(
            archive.namelist()
        )
        image = ElementTree.fromstring(archive.read("stack.xml"))
        merged = Image.open(io.BytesIO(archive.read("mergedimage.png")))
        assert np.array_equal(np.asarray(merged), adjusted.to_numpy())
        assert archive.read("data/layer002.png") == adjusted["Heal"].png.data
    assert (image.get("w"), image.get("h")) == ("64", "48")
    layers = list(image.iter("layer"))
    assert [layer.get("name") for layer in layers] == [*reversed(adjusted.names), "Photo"]
    assert [layer.get("visibility") for layer in layers[:-1]] == [
        "visible",
        "hidden",
        "hidden",
        "visible",
        "visible",
        "hidden",
    ]
    assert layers[3].get("composite-op") == "svg:soft-light"
    assert float(layers[3].get("opacity")) == pytest.approx(0.6, abs=1e-4)
    left, top = adjusted["Glasses Anti Glare"].cut_out().offset
    assert (layers[0].get("x"), layers[0].get("y")) == (str(left), str(top))
    assert layers[0].get("composite-op") == "krita:linear light"


def test_jpeg_photos(stack: LayerStack, pixels: Pixels, tmp_path: Path):
    """A JPEG photo goes into an OpenRaster file as a PNG of the same pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    path = replace(stack, base=Photo.open(buffer.getvalue())).save_ora(tmp_path / "a.ora")
    with zipfile.ZipFile(path) as archive:
        photo = np.asarray(Image.open(io.BytesIO(archive.read("data/photo.png"))))
    assert np.array_equal(photo, np.asarray(Image.open(buffer)))


def test_transparent_photos(stack: LayerStack, pixels: Pixels, tmp_path: Path):
    """Layered files of transparent photos are refused, and nothing is left behind."""
    cut = replace(stack, base=Photo.open(np.dstack([pixels, pixels[..., :1]])))
    for save in (cut.save_psd, cut.save_ora):
        with pytest.raises(PictureError, match="transparency"):
            save(tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_what_differs_is_not_kept(stack: LayerStack, tmp_path: Path):
    """A file that does not read back as the composite is an error, and no file appears."""
    wrong = stack.to_numpy() ^ 1
    with pytest.raises(RetouchError, match="same picture back"):
        save_ora(tmp_path / "a.ora", stack.base, stack.layers, wrong)
    assert not list(tmp_path.iterdir())
