"""The cell of an estimate reads as a recipe, says what it is, and what cannot be asked for."""

import numpy as np
import pytest

from retouch_nb.layers import Layer, LayerStack, Png
from retouch_nb.photo import Photo
from retouch_nb.providers.plugins import PLUGINS
from retouch_nb.providers.recipes import PRESETS, read_recipe
from retouch_nb.providers.steps import Step
from retouch_nb.widgets.estimate import as_line, cell_text


def stack(photo: Photo, request: str, *names: str) -> LayerStack:
    """Give layers of these names, as they came for a request."""
    ink = Png.of(np.full((48, 64, 4), 128, np.uint8))
    layers = [
        Layer(name=name, plugin=name.rstrip(" 02"), png=ink, canvas=(64, 48)) for name in names
    ]
    return LayerStack(photo, tuple(layers), request=request)


def lines(given: LayerStack, chosen: LayerStack) -> tuple[list[str], list[str]]:
    """Give the remarks and the steps of the cell."""
    head, estimate, *rest = cell_text(given, chosen).splitlines()
    assert head == "%%retouch photo" and "estimate" in estimate
    return [line for line in rest if line[0] == "#"], [line for line in rest if line[0] != "#"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_line_is_read_as_the_step_it_was_written_of(name: str) -> None:
    """Every step of every preset survives being written and read."""
    for step in PRESETS[name].steps:
        (read,) = read_recipe([as_line(step)]).steps
        assert read == step


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_every_plugin_can_be_written(plugin) -> None:
    """All settings of a plug-in, nested ones too, come back with their values."""
    required = {"AspectRatio": "2 : 3"}
    spelled = " ".join(f"'{name}={value}'" for name, value in required.items())
    line = plugin.name + (f" {spelled}" if plugin.name == "Crop" else "")
    (step,) = read_recipe([line]).steps
    assert read_recipe([as_line(step)]).steps[0] == step


def test_a_lone_second_number_is_named() -> None:
    """A number without the one before it is not taken for that."""
    (step,) = read_recipe([{"Plugin": "White Teeth", "Alpha2": 0.2}]).steps
    assert as_line(step) == "White Teeth alpha2=0.2"


def test_opacity_scales_strength(photo: Photo) -> None:
    """Alpha is multiplied; both are where both are strengths; a warmth is not one."""
    request = PRESETS["layers"].payload
    given = stack(photo, request, "White Teeth", "Dodge Burn")
    chosen = given.adjust(0, opacity=0.5).adjust(1, opacity=0.25)
    _, steps = lines(given, chosen)
    assert steps == ["White Teeth 0.125 0.125 layer", "Dodge Burn 0.25 0.2 scale=2 layer"]


def test_what_cannot_be_asked_for_is_said(photo: Photo) -> None:
    """A sensitivity is no strength, a blend mode has no setting, a hidden layer is left out."""
    given = stack(photo, PRESETS["layers"].payload, "Heal", "Fabric", "Skin Tone")
    chosen = given.adjust(0, opacity=0.5).adjust(1, visible=False).adjust(2, blend_mode="screen")
    remarks, steps = lines(given, chosen)
    assert remarks == [
        "# Heal: 50% cannot be asked for.",
        "# Fabric is left out.",
        "# Skin Tone: Screen cannot be asked for.",
    ]
    assert [step.split(" 1")[0] for step in steps] == ["Heal", "Skin Tone"]


def test_steps_without_layers_keep_their_place(photo: Photo) -> None:
    """What finds faces comes before, what has no layer after; layers in their chosen order."""
    request = read_recipe(
        "Face Detection; Heal 1 layer; Glasses Anti Glare layer; Color Correction"
    ).payload
    given = stack(photo, request, "Heal", "Glasses Anti Glare")
    chosen = given.reorder([1, 0]).adjust("Glasses Anti Glare", opacity=0.5)
    _, steps = lines(given, chosen)
    assert [read_recipe([line]).steps[0].plugin.name for line in steps] == [
        "Face Detection",
        "Glasses Anti Glare",
        "Heal",
        "Color Correction",
    ]
    assert "glasses_glare_removal=0.5" in steps[1]


def test_two_layers_of_one_plugin_are_told_apart(photo: Photo) -> None:
    """The second layer of a plug-in takes the settings of its second step."""
    request = read_recipe("Fabric 0.4 layer; Fabric 0.8 layer").payload
    given = stack(photo, request, "Fabric", "Fabric 2")
    _, steps = lines(given, given.adjust(1, opacity=0.5))
    assert steps == ["Fabric 0.4 layer"] * 2


def test_without_a_request_the_plugins_are_asked_for_in_full(photo: Photo) -> None:
    """Layers from a file are asked for at the settings' defaults; one of an unknown maker is named."""
    given = stack(photo, "", "Skin Tone", "Sparkle", "0")
    remarks, steps = lines(given, given.adjust(0, opacity=0.5))
    assert steps == ["Skin Tone 0.5 layer"]
    assert remarks == [
        f"# {name}: it is not known which step made it." for name in ("Sparkle", "0")
    ]


def test_the_cell_is_read_by_the_magics_recipe(photo: Photo) -> None:
    """What is written below the first line is a recipe, comments and all."""
    given = stack(photo, PRESETS["layers"].payload, "Heal", "Skin Tone")
    body = cell_text(given, given).partition("\n")[2]
    assert [step.plugin.name for step in read_recipe(body).steps] == ["Heal", "Skin Tone"]
    assert all(isinstance(step, Step) and step.layered for step in read_recipe(body).steps)
