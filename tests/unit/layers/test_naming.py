"""File names and result.json tell what a layer is; what they leave open is noted."""

import json
from typing import Any

import numpy as np
import pytest

from retouch_nb.blend import BlendMode
from retouch_nb.errors import PictureError, ProtocolError
from retouch_nb.layers import Layer
from retouch_nb.layers.archive import Archive, File
from retouch_nb.layers.naming import mode_of, plugin_of, read_layers
from retouch_nb.layers.placement import Affine
from retouch_nb.layers.pngrows import Png

CANVAS = (40, 30)
MATRIX = [[0.5, 0, -2], [0, 0.5, -3]]


def png(width: int = 40, height: int = 30) -> Png:
    """Make a picture of a size."""
    return Png.of(np.full((height, width, 4), 90, np.uint8))


def read(
    *names: str, result: dict[str, Any] | None = None, tasks: tuple[str, ...] = (), **sizes: Png
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Read an archive of pictures with these names."""
    files = tuple(File(name, sizes.get("png") or png()) for name in names)
    return read_layers(Archive(files, result or {}, ()), CANVAS, tasks)


def anti_glare(**changes: Any) -> dict[str, Any]:
    """Give the record of a patch of one face, with something changed."""
    face = {"glassesAntiGlarePatchMatrix": MATRIX, "patchWidth": 10, "patchHeight": 5}
    record = {
        "pluginName": "Glasses Anti Glare",
        "layoutMode": "patch",
        "operationIndex": 1,
        "originalWidth": 40,
        "originalHeight": 30,
        "faces": [face],
    }
    for key, value in changes.items():
        (face if key in face else record)[key] = value
    return {"plugins": [record]}


PATCH = "Glasses Anti Glare_blendmode=linearLight_patch.png"


@pytest.mark.parametrize(
    ("file", "plugin", "mode"),
    [
        ("Heal.png", "Heal", None),
        ("02_Heal_blendmode=normal.png", "Heal", BlendMode.NORMAL),
        ("Dodge Burn blendmode=Soft Light.png", "Dodge Burn", BlendMode.SOFT_LIGHT),
        ("photo-dodge_burn-blendmode=soft-light.PNG", "Dodge Burn", BlendMode.SOFT_LIGHT),
        ("SkinTone_BLENDMODE=SOFT_LIGHT_1.png", "Skin Tone", BlendMode.SOFT_LIGHT),
        (PATCH, "Glasses Anti Glare", BlendMode.LINEAR_LIGHT),
        ("Eye Brilliance (2) blendmode=linear dodge.png", "Eye Brilliance", BlendMode.LINEAR_DODGE),
        ("blendmode=screen.png", "", BlendMode.SCREEN),
        ("Skin Mask.png", "Skin Mask", None),
        ("grain_blendmode=dissolve.png", "", None),
        ("1.png", "", None),
    ],
)
def test_names(file: str, plugin: str, mode: BlendMode | None):
    """Plug-in and mode are found in a file name in any spelling."""
    assert (plugin_of(file), mode_of(file)) == (plugin, mode)


def test_documented_modes():
    """Without a mode in its name a layer gets its plug-in's documented one, and no note."""
    names = ("Heal.png", "Dodge Burn.png", "Skin Tone.png", "Glasses Anti Glare.png")
    layers, notes = read(*names, tasks=("Heal", "Dodge Burn", "Skin Tone", "Glasses Anti Glare"))
    assert [layer.blend_mode for layer in layers] == [
        BlendMode.NORMAL,
        BlendMode.SOFT_LIGHT,
        BlendMode.SOFT_LIGHT,
        BlendMode.LINEAR_LIGHT,
    ]
    assert notes == ()


def test_the_name_wins():
    """A mode in the file name stands above the plug-in's."""
    (layer,), _ = read("Dodge Burn_blendmode=overlay.png")
    assert layer.blend_mode is BlendMode.OVERLAY


def test_undocumented_mode():
    """A plug-in without a documented mode is laid as Normal, and a note says so."""
    (layer,), notes = read("Mattifier.png")
    assert layer.is_composited
    assert layer.blend_mode is BlendMode.NORMAL
    assert "not documented" in notes[0]


@pytest.mark.parametrize("file", ["Heal_blendmode=dissolve.png", "layer.png"])
def test_unknown_modes_are_left_out(file: str):
    """A mode that is not known, or a layer that names none, is kept, left out and noted."""
    (layer,), notes = read(file)
    assert layer.blend_mode is None
    assert not layer.is_composited
    assert "left out" in notes[0]
    assert "adjust" in notes[0]


def test_masks_and_flow():
    """A skin mask is a selection and a lifting is a displacement; neither is composited."""
    layers, notes = read("Skin Mask.png", "Face Lifting_blendmode=flow.png")
    assert [layer.kind for layer in layers] == ["mask", "flow"]
    assert not any(layer.is_composited for layer in layers)
    assert any("moves pixels" in note for note in notes)


def test_order_of_numbers():
    """Numbers at the front of the names give the order, ten after nine."""
    layers, notes = read("10_Heal.png", "9_Dodge Burn.png", "1_Skin Tone.png")
    assert [layer.plugin for layer in layers] == ["Skin Tone", "Dodge Burn", "Heal"]
    assert notes == ()


def test_order_of_tasks():
    """The order of the tasks wins; the same plug-in twice is two layers with two names."""
    tasks = ("Skin Tone", "Heal", "Dodge Burn", "heal")
    layers, _ = read("a Heal.png", "Dodge Burn.png", "Skin Tone.png", "b Heal.png", tasks=tasks)
    assert [layer.name for layer in layers] == ["Skin Tone", "Heal", "Dodge Burn", "Heal 2"]


def test_usual_order():
    """With neither numbers nor tasks the vendor's recommended order is taken, and noted."""
    layers, notes = read("Skin Tone.png", "mine_blendmode=screen.png", "Dodge Burn.png", "Heal.png")
    assert [layer.name for layer in layers] == ["Heal", "Dodge Burn", "Skin Tone", "mine"]
    assert "order" in notes[0]


def test_patch():
    """One face's patch is placed by its matrix."""
    (layer,), notes = read(PATCH, result=anti_glare(), png=png(10, 5))
    assert layer.kind == "patch"
    assert layer.placement == Affine(0.5, 0, -2, 0, 0.5, -3)
    assert layer.is_composited
    assert notes == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"faces": [{}, {}]}, "2 faces"),
        ({"faces": []}, "0 faces"),
        ({"faces": None}, "does not say"),
        ({"faces": "x"}, "does not say"),
        ({"glassesAntiGlarePatchMatrix": None}, "no matrix"),
        ({"patchWidth": 20}, "20 x 5"),
    ],
)
def test_patches_that_cannot_be_placed(changes: dict[str, Any], reason: str):
    """A packed, unplaced or mismatched patch is kept, left out, and the note says why."""
    (layer,), notes = read(PATCH, result=anti_glare(**changes), png=png(10, 5))
    assert layer.placement is None
    assert not layer.is_composited
    assert reason in notes[0]


def test_patch_without_metadata():
    """A patch that result.json does not mention is left out and noted."""
    (layer,), notes = read(PATCH, png=png(10, 5))
    assert not layer.is_composited
    assert "does not say" in notes[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"glassesAntiGlarePatchMatrix": [[float("nan"), 0, 0], [0, 1, 0]]},
        {"glassesAntiGlarePatchMatrix": [[0, 0, 0], [0, 0, 0]]},
        {"glassesAntiGlarePatchMatrix": "x"},
        {"patchWidth": -10},
        {"patchHeight": float("nan")},
        {"originalWidth": -40},
        {"originalWidth": None},
        {"originalHeight": "30"},
        {"originalHeight": 1e300},
    ],
)
def test_senseless_numbers(changes: dict[str, Any]):
    """Matrices and sizes that make no sense are an answer that cannot be trusted."""
    with pytest.raises(ProtocolError, match=r"result\.json"):
        read(PATCH, result=anti_glare(**changes), png=png(10, 5))


def test_full_layout_needs_no_matrix():
    """A full-size anti-glare layer is laid as it is."""
    result = anti_glare(layoutMode="full")
    (layer,), notes = read("Glasses Anti Glare_blendmode=linearLight.png", result=result)
    assert (layer.kind, layer.is_composited, notes) == ("pixel", True, ())


def test_geometry_of_the_metadata():
    """Layers made for a photo of another size are refused with the way out."""
    with pytest.raises(PictureError, match=r"80 x 30; the photo given is 40 x 30.*uploaded"):
        read(PATCH, result=anti_glare(originalWidth=80), png=png(10, 5))


def test_geometry_of_the_pictures():
    """A full-frame layer of another size than the photo is refused."""
    with pytest.raises(PictureError, match="'Heal' is 39 x 30"):
        read("Heal.png", png=png(39, 30))


def test_records_go_by_their_order():
    """Of two layers of a plug-in, the first takes the record of the first task."""
    first = anti_glare(operationIndex=1)["plugins"][0]
    second = anti_glare(operationIndex=4, faces=[])["plugins"][0]
    names = (f"1_{PATCH}", f"2_{PATCH}")
    layers, _ = read(*names, result={"plugins": [second, first]}, png=png(10, 5))
    assert [layer.is_composited for layer in layers] == [True, False]


@pytest.mark.parametrize(
    "result",
    [
        {"plugins": None},
        {"plugins": [None, 1, "x", {}]},
        {"plugins": [{"pluginName": 5}]},
        {"plugins": [{"pluginName": "Heal", "operationIndex": "x"}]},
        {"layers": []},
        {"layers": {"Heal.png": 3}},
    ],
)
def test_strange_json_is_tolerated(result: dict[str, Any]):
    """Keys of other types than expected are passed over."""
    (layer,), _ = read("Heal.png", result=json.loads(json.dumps(result)))
    assert layer.is_composited


@pytest.mark.parametrize("opacity", [2, -1, float("nan"), "x", None, 10**400, [1]])
def test_senseless_opacity(opacity: object):
    """A noted opacity outside 0 to 1 is refused."""
    with pytest.raises(ProtocolError, match="opacity"):
        read("Heal.png", result={"layers": {"Heal.png": {"opacity": opacity}}})


def test_a_name_of_a_hundred_words_is_read_quickly():
    """A mode has three words at most: a long name is not compared with every mode at every length."""
    assert mode_of("Heal_blendmode=" + "linear_" * 30 + "x.png") is None
    assert mode_of("Heal_blendmode=linear_light_" + "x_" * 90 + ".png") is BlendMode.LINEAR_LIGHT


def test_a_record_of_another_type_is_no_record():
    """What should be a plug-in's name and is a tree of lists names nothing."""
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    layers, _ = read("Heal.png", result={"plugins": [{"pluginName": deep}, 3, None]})
    assert [layer.name for layer in layers] == ["Heal"]
