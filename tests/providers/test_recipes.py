"""Recipes: the vendor's JSON unchanged, steps a line at a time, and every slip named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.errors import ParameterError
from retouch_nb.providers.plugins import BY_NAME, PLUGINS
from retouch_nb.providers.recipes import PRESETS, read_recipe

PATCH = {
    "mode": "professional",
    "outputFormat": "zip",
    "tasks": [
        {"Plugin": "Face Detection"},
        {"Plugin": "Heal", "Scale": 0, "Layer": 1, "Alpha1": 1.0},
        {
            "Plugin": "Face Lifting",
            "Layer": 1,
            "face_lifting_version": 3,
            "Face Lifting": 1.0,
            "Face Masculinity": 0.55,
            "Double Chin Correction": 1.0,
            "Face Lifting Depth": 0.6,
            "Flow Smoothing": 0.1,
        },
        {
            "Plugin": "Glasses Anti Glare",
            "Layer": 1,
            "LayoutMode": "patch",
            "Glasses Glare Removal": 1.0,
        },
    ],
}
COLOUR = {
    "mode": "professional",
    "tasks": [
        {
            "Plugin": "Color Correction",
            "Layer": 0,
            "User Params": {
                "AI": {"Color Correction Mode": "Exposure & WB"},
                "Basic": {"Enable Basic": True},
            },
        }
    ],
}
CROP = {
    "mode": "professional",
    "outputFormat": "zip",
    "tasks": [
        {
            "Plugin": "Crop",
            "Layer": 1,
            "User Params": {"AutoStraightenMode": "AI", "AspectRatio": "Original"},
        }
    ],
}


@pytest.mark.parametrize("payload", [PATCH, COLOUR, CROP])
def test_the_vendors_json_passes_unchanged(payload: dict) -> None:
    """Keys, spelling, nesting and order of a pasted payload are sent as they came."""
    recipe = read_recipe(json.dumps(payload, indent=2)).with_faces_found()
    recipe.check()
    assert json.loads(recipe.payload) == payload
    assert [list(t) for t in json.loads(recipe.payload)["tasks"]] == [
        list(t) for t in payload["tasks"]
    ]


def test_balanced_is_the_payload_of_the_vendors_own_scripts() -> None:
    """A preset holds the published numbers, to the digit."""
    tasks = json.loads(PRESETS["balanced"].payload)["tasks"]
    assert tasks == [
        {"Plugin": "Heal", "Scale": 0, "Alpha1": 1.0},
        {"Plugin": "Fabric", "Scale": 0, "Alpha1": 0.39},
        {"Plugin": "Eye Vessels", "Scale": 0, "Alpha1": 1.0},
        {"Plugin": "Eye Brilliance", "Scale": 0, "Alpha1": 0.5},
        {"Plugin": "White Teeth", "Scale": 0, "Alpha1": 0.25, "Alpha2": 0.25},
        {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 1.0, "Alpha2": 0.2},
        {"Plugin": "Skin Tone", "Scale": 0, "Alpha1": 1.0, "Alpha2": 1.0},
        {"Plugin": "Portrait Volumes", "Scale": 0, "Alpha1": 0.5},
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_in_order(name: str) -> None:
    """No preset is warned of by our own rules."""
    PRESETS[name].check()
    assert PRESETS[name].advice() == ()


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_every_plug_in_can_be_written_as_its_bare_name(plugin) -> None:
    """A line with nothing but the name asks for the plug-in at its defaults."""
    recipe = read_recipe(plugin.name.lower())
    assert recipe.steps[0].plugin is plugin
    assert read_recipe(recipe.payload).payload == recipe.payload


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("Heal 0.5", {"Plugin": "Heal", "Scale": 0, "Alpha1": 0.5}),
        (
            "dodge burn 1.2 0.3 scale=2 layer",
            {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 1.2, "Alpha2": 0.3, "Layer": 1},
        ),
        ("Dust scale=3  # fine; Heal comes later", {"Plugin": "Dust", "Scale": 3, "Alpha1": 1.0}),
        (
            'Color Correction mode="Exposure & WB"',
            {
                "Plugin": "Color Correction",
                "User Params": {
                    "AI": {"Color Correction Mode": "Exposure & WB"},
                    "Basic": {"Enable Basic": True},
                },
            },
        ),
        (
            "Clean Backdrop 1 automask=true",
            {"Plugin": "Clean Backdrop", "Scale": 0, "Alpha1": 1.0, "Automask": True},
        ),
    ],
)
def test_a_line_is_a_task(line: str, task: dict) -> None:
    """Numbers are the strengths, words with = are settings by the end of their names."""
    assert read_recipe(line).steps[0].wire() == task


@pytest.mark.parametrize(
    ("given_recipe", "words"),
    [
        ("Hael 1.0", "Did you mean 'Heal'"),
        ("Heal 1.5", "0 to 1"),
        ("Heal nan", "not accepted"),
        ("Heal 0.5 0.5", "cannot be read"),
        ("Heal alfa1=1", "Did you mean 'Alpha1'"),
        ('Heal "1', "unbalanced"),
        ("Heal automask=true", "no setting"),
        ("", "no steps"),
        ("{", "line 1, column 2"),
        ('{"tasks": []}', "no tasks"),
        ('{"tasks": [7]}', "names no Plugin"),
        ('{"tasks": [{"Plugin": "Heal"}], "more": 1}', "unknown key 'more'"),
        ('{"mode": "amateur", "tasks": [{"Plugin": "Heal"}]}', "professional"),
        ('{"outputFormat": "png", "tasks": [{"Plugin": "Heal"}]}', "jpeg or zip"),
        ('{"outputFormat": "jpeg", "tasks": [{"Plugin": "Heal", "Layer": 1}]}', "Layer 1"),
        ('{"outputFormat": "zip", "tasks": [{"Plugin": "Heal"}]}', "no step has Layer"),
        ('{"tasks": [{"Plugin": "Heal", "Alpha1": "1.0"}]}', "not accepted"),
        ('{"tasks": [{"Plugin": "Heal", "Scale": 4}]}', "0 to 3"),
        ('{"tasks": [{"Plugin": "Heal", "Scale": 1.5}]}', "whole number"),
        ('{"tasks": [{"Plugin": "Crop", "User Params": 3}]}', "not an object"),
        ("Glasses Anti Glare layoutmode=patch", "patch needs Layer 1"),
        ("Face Lifting; Face Detection", "needs Face Detection before it"),
        ("[" * 100_000, "JSON that can be read"),
        ('{"tasks": [{"Plugin": "Heal", "Alpha1": ' + "1" * 5_000 + "}]}", "JSON that can be read"),
        (17, "not a recipe"),
    ],
)
def test_every_slip_is_named_before_anything_is_sent(given_recipe: object, words: str) -> None:
    """One clear error each, with what is accepted or what was probably meant."""
    with pytest.raises(ParameterError, match=words) as caught:
        read_recipe(given_recipe).check()
    assert "Nothing was sent" in str(caught.value)


def test_faces_are_found_first_where_a_step_needs_them() -> None:
    """Face Detection is put in front when it is missing, and not twice."""
    names = [s.plugin.name for s in read_recipe("Heal\nFace Lifting").with_faces_found().steps]
    assert names == ["Face Detection", "Heal", "Face Lifting"]
    assert (
        str(read_recipe("Face Detection; Face Lifting").with_faces_found())
        == "Face Detection, Face Lifting"
    )


def test_another_order_is_advised_against_and_kept() -> None:
    """Order changes the result, so it is warned of and never changed."""
    recipe = read_recipe("Skin Tone\nHeal")
    assert "Heal, Skin Tone" in recipe.advice()[0]
    assert str(recipe) == "Skin Tone, Heal"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.text()
        | st.sampled_from([*BY_NAME, "Plugin", "tasks"]),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["tasks", "Plugin", "Alpha1", "User Params", "AI"]) | st.text(), x
            )
        ),
        max_leaves=12,
    )
)
def test_nothing_but_a_recipe_or_our_own_error_comes_out(thing: object) -> None:
    """Whatever is passed, reading never fails in another way."""
    try:
        recipe = read_recipe(thing)
    except ParameterError:
        return
    json.loads(recipe.payload)


def test_layers_of_steps_that_have_none_are_refused_in_other_words() -> None:
    """Who asked for layers is not told to ask for them."""
    with pytest.raises(ParameterError, match="No layer can be asked for of Color Correction") as no:
        read_recipe("color").in_layers().check()
    assert "Add --layers" not in str(no.value)


def test_what_the_composite_lacks_is_said() -> None:
    """A step that is laid on at the service and delivered in no layer is missing in ours."""
    recipe = read_recipe("Face Detection; Heal; Color Correction").in_layers()
    assert recipe.advice() == (
        "Not delivered as layers, so missing in their composite: Color Correction.",
    )


def test_one_setting_is_changed_and_nothing_else() -> None:
    """Wherever it lies: beside the plug-in's name, or in the tree of its parameters."""
    recipe = read_recipe("Heal 0.8; Color Correction")
    changed = recipe.with_setting("heal.alpha1", 0.5).with_setting(
        "Color Correction.Color Correction Mode", "Full"
    )
    heal, colour = changed.steps
    assert heal.keys["Alpha1"] == 0.5 and recipe.steps[0].keys["Alpha1"] == 0.8
    assert colour.keys["User Params"]["AI"]["Color Correction Mode"] == "Full"


def test_a_step_that_is_given_twice_cannot_be_named() -> None:
    """Nobody can say which of the two is meant."""
    with pytest.raises(ParameterError, match="given 2 times"):
        read_recipe("Heal 0.8; Heal 0.2").setting("Heal.Alpha1")


def test_a_preset_is_guessed_at() -> None:
    """A slip in its name, or a large letter, is no unknown plug-in."""
    for slip in ("balancd", "Heavy"):
        with pytest.raises(ParameterError, match=r"Did you mean '(balanced|heavy)'"):
            read_recipe(slip)
    assert str(read_recipe("Heal")) == "Heal"
