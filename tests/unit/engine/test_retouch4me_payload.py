import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.engine.refusals import Refusal
from retouch_nb.engine.retouch4me_payload import PLUGINS, Payload, read_payload

BALANCED = [
    {"Plugin": "Heal", "Scale": 0, "Alpha1": 1.0},
    {"Plugin": "Fabric", "Scale": 0, "Alpha1": 0.39},
    {"Plugin": "Eye Vessels", "Scale": 0, "Alpha1": 1.0},
    {"Plugin": "Eye Brilliance", "Scale": 0, "Alpha1": 0.5},
    {"Plugin": "White Teeth", "Scale": 0, "Alpha1": 0.25, "Alpha2": 0.25},
    {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 1.0, "Alpha2": 0.2},
    {"Plugin": "Skin Tone", "Scale": 0, "Alpha1": 1.0, "Alpha2": 1.0},
    {"Plugin": "Portrait Volumes", "Scale": 0, "Alpha1": 0.5},
]
SLIGHT = [
    {"Plugin": "Heal", "Scale": 0, "Alpha1": 0.8},
    {"Plugin": "Eye Vessels", "Scale": 0, "Alpha1": 0.35},
    {"Plugin": "White Teeth", "Scale": 0, "Alpha1": 0.1, "Alpha2": 0.08},
    {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 0.35, "Alpha2": 0.08},
    {"Plugin": "Skin Tone", "Scale": 0, "Alpha1": 0.35, "Alpha2": 0.35},
    {"Plugin": "Portrait Volumes", "Scale": 0, "Alpha1": 0.18},
]
HEAVY = [
    {"Plugin": "Heal", "Scale": 0, "Alpha1": 0.9},
    {"Plugin": "Fabric", "Scale": 0, "Alpha1": 0.75},
    {"Plugin": "Eye Vessels", "Scale": 0, "Alpha1": 0.9},
    {"Plugin": "Eye Brilliance", "Scale": 0, "Alpha1": 0.85},
    {"Plugin": "White Teeth", "Scale": 0, "Alpha1": 0.65, "Alpha2": 0.55},
    {"Plugin": "Dodge Burn", "Scale": 2, "Alpha1": 1.35, "Alpha2": 0.35},
    {"Plugin": "Skin Tone", "Scale": 0, "Alpha1": 1.15, "Alpha2": 1.15},
    {"Plugin": "Portrait Volumes", "Scale": 0, "Alpha1": 0.9},
]
MASK = {"Plugin": "Skin Mask", "Scale": 0, "Alpha1": 1.0}
FACES = {"Plugin": "Face Detection"}
HEAL_LAYER = {"Plugin": "Heal", "Scale": 0, "Layer": 1, "Alpha1": 1.0}
DUST = {"Plugin": "Dust", "Scale": 3, "Alpha1": 1.0}
LIFT = {
    "Plugin": "Face Lifting",
    "face_lifting_version": 3,
    "Face Lifting": 1.0,
    "Face Masculinity": 0.55,
    "Double Chin Correction": 1.0,
    "Face Lifting Depth": 0.6,
    "Flow Smoothing": 0.1,
}
GLASSES = {"Plugin": "Glasses Anti Glare", "LayoutMode": "full", "Glasses Glare Removal": 1.0}
CROP = {
    "Plugin": "Crop",
    "Layer": 1,
    "User Params": {"AutoStraightenMode": "AI", "AspectRatio": "Original"},
}


def colour(mode: str) -> dict[str, Any]:
    """Give a colour correction of one of the three modes."""
    params = {"AI": {"Color Correction Mode": mode}, "Basic": {"Enable Basic": True}}
    return {"Plugin": "Color Correction", "Layer": 0, "User Params": params}


SAMPLES: dict[str, tuple[list[dict[str, Any]], str | None, bool]] = {
    "balanced": (BALANCED, None, False),
    "slight": (SLIGHT, None, False),
    "heavy": (HEAVY, None, False),
    "exposure": ([colour("Exposure only")], None, False),
    "exposure and white balance": ([colour("Exposure & WB")], None, False),
    "full colour": ([colour("Full")], None, False),
    "face, flat": ([FACES, BALANCED[0], DUST, LIFT, GLASSES], "jpeg", False),
    "layers": ([task | {"Layer": 1} for task in (MASK, *BALANCED)], None, True),
    "glasses, full": ([FACES, HEAL_LAYER, GLASSES | {"Layer": 1}], "zip", True),
    "glasses, patch": (
        [FACES, HEAL_LAYER, LIFT | {"Layer": 1}, GLASSES | {"Layer": 1, "LayoutMode": "patch"}],
        "zip",
        True,
    ),
    "crop": ([CROP], "zip", True),
}
"""Every payload of the page: tasks, output format, whether a ZIP comes of it."""


def read(*tasks: Any, **more: Any) -> Payload:
    """Read a payload of these tasks."""
    return read_payload(json.dumps({"mode": "professional", "tasks": tasks} | more))


def refusal(*tasks: Any, **more: Any) -> str:
    """Give the words in which a payload is refused with 462."""
    with pytest.raises(Refusal) as caught:
        read(*tasks, **more)
    assert caught.value.status == 462
    return str(caught.value)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_payload_of_the_page_is_accepted_as_it_is(name: str) -> None:
    """Nothing of it is changed, nothing ignored; layers make a ZIP."""
    tasks, output, layered = SAMPLES[name]
    payload = read(*tasks, **({"outputFormat": output} if output else {}))
    assert payload.tasks == tuple({"Layer": 0} | task for task in tasks)
    assert payload.notes == ()
    assert (payload.layered, payload.flat_jpeg) == (layered, output == "jpeg")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1, column 1"),
        ('{"mode": "professional",\n "tasks": [}', "line 2, column 12"),
        ("[" * 100_000, "JSON"),
        ("[]", "object"),
        ('"mode"', "object"),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_place(text: str, words: str) -> None:
    """Line and column, where there is one."""
    with pytest.raises(Refusal, match=words) as caught:
        read_payload(text)
    assert caught.value.status == 462


def test_mode_tasks_and_output_format_are_what_the_page_says() -> None:
    """One mode, a list that is not empty, two formats."""
    heal = BALANCED[0]
    assert "professional" in refusal(heal, mode="Professional")
    assert "professional" in refusal(heal, mode=None)
    for tasks in ([], {}, None, "Heal", [heal] * 65):
        assert "tasks" in refusal(tasks=tasks)
    for output in ("png", "JPEG", 1, True):
        assert "outputFormat" in refusal(heal, outputFormat=output)


def test_a_format_that_contradicts_the_layers_is_refused() -> None:
    """A picture cannot hold layers, and an archive is not made of none."""
    assert "jpeg" in refusal(HEAL_LAYER, outputFormat="jpeg")
    assert "zip" in refusal(BALANCED[0], outputFormat="zip")


@pytest.mark.parametrize(
    "task", [{}, [], "Heal", {"Plugin": "heal"}, {"plugin": "Heal"}, {"Plugin": 3}]
)
def test_a_task_names_a_plug_in_in_the_pages_spelling(task: Any) -> None:
    """Keys and names are case-sensitive."""
    assert "Task 0" in refusal(task)


RANGES = {
    ("Skin Mask", "Alpha1"): 2,
    ("Clean Backdrop", "Alpha1"): 1,
    ("Heal", "Alpha1"): 1,
    ("Fabric", "Alpha1"): 2,
    ("Dust", "Alpha1"): 2,
    ("Eye Vessels", "Alpha1"): 1,
    ("Eye Brilliance", "Alpha1"): 2,
    ("White Teeth", "Alpha1"): 1,
    ("White Teeth", "Alpha2"): 1,
    ("Mattifier", "Alpha1"): 1,
    ("Dodge Burn", "Alpha1"): 2,
    ("Dodge Burn", "Alpha2"): 1,
    ("Skin Tone", "Alpha1"): 2,
    ("Skin Tone", "Alpha2"): 2,
    ("Portrait Volumes", "Alpha1"): 2,
}


@pytest.mark.parametrize(("plugin", "key"), RANGES)
def test_strengths_have_the_ranges_of_the_table(plugin: str, key: str) -> None:
    """From 0 to 1 or 2, the ends included; only numbers are numbers."""
    most = RANGES[plugin, key]
    for good in (0, most, most / 2):
        assert read({"Plugin": plugin, key: good}).tasks[0][key] == good
    for bad in (-0.01, most + 0.01, "1", True, None, [1]):
        assert f"0 to {most}" in refusal({"Plugin": plugin, key: bad})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_numbers_are_finite(number: str) -> None:
    """Python reads more as JSON than there is in JSON."""
    for plugin, key in (("Heal", "Alpha1"), ("Heal", "Scale"), ("Heal", "Layer")):
        task = f'{{"Plugin": "{plugin}", "{key}": {number}}}'
        with pytest.raises(Refusal):
            read_payload(f'{{"mode": "professional", "tasks": [{task}]}}')


def test_scale_is_one_of_four_and_layer_one_of_two() -> None:
    """A layer may be a truth value, as the page's part on Crop has it; a scale may not."""
    for scale in (0, 1, 2, 3):
        assert read({"Plugin": "Heal", "Scale": scale}).tasks[0]["Scale"] == scale
    for scale in (4, -1, 1.5, "0", True):
        assert "Scale" in refusal({"Plugin": "Heal", "Scale": scale})
    for given_layer, layer in ((0, 0), (1, 1), (False, 0), (True, 1)):
        read_layer = read({"Plugin": "Heal", "Layer": given_layer}).tasks[0]["Layer"]
        assert (read_layer, type(read_layer)) == (layer, int)
    for bad in (2, "1", None):
        assert "Layer" in refusal({"Plugin": "Heal", "Layer": bad})


def test_automask_is_a_truth_value_of_clean_backdrop() -> None:
    """Elsewhere it means nothing."""
    assert read({"Plugin": "Clean Backdrop", "Automask": True}).tasks[0]["Automask"] is True
    assert "Automask" in refusal({"Plugin": "Clean Backdrop", "Automask": 1})
    assert "Automask" not in read({"Plugin": "Dust", "Automask": True}).tasks[0]


def test_a_key_that_means_nothing_is_ignored_and_noted() -> None:
    """An older example of the vendor sends Alpha2 with plug-ins that have none."""
    payload = read({"Plugin": "Mattifier", "Alpha1": 0.5, "Alpha2": 0, "colour": "red"})
    assert payload.tasks == ({"Plugin": "Mattifier", "Alpha1": 0.5, "Layer": 0},)
    assert len(payload.notes) == 2
    assert "Alpha2" in payload.notes[0]


def test_face_work_needs_faces_found_before_it() -> None:
    """Somewhere before, and not behind."""
    for task in (LIFT, GLASSES):
        assert "Face Detection" in refusal(BALANCED[0], task)
        assert "Face Detection" in refusal(task, FACES)
        assert len(read(BALANCED[0], FACES, task).tasks) == 3


def test_a_patch_is_a_layer() -> None:
    """Packed cut-outs make no flat picture."""
    patch = GLASSES | {"LayoutMode": "patch"}
    assert "patch" in refusal(FACES, patch)
    assert read(FACES, patch | {"Layer": 1}).layered
    assert "LayoutMode" in refusal(FACES, GLASSES | {"LayoutMode": "packed"})


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("face_lifting_version", 3.5),
        ("face_lifting_version", 0),
        ("Face Lifting", 1.1),
        ("Face Masculinity", -0.1),
        ("Double Chin Correction", 2),
        ("Face Lifting Depth", "deep"),
        ("Flow Smoothing", -1),
    ],
)
def test_face_lifting_has_the_ranges_of_the_page(key: str, bad: Any) -> None:
    """Of the smoothing no upper end is told."""
    assert key in refusal(FACES, LIFT | {key: bad})
    assert read(FACES, LIFT | {"Flow Smoothing": 7}).tasks[1]["Flow Smoothing"] == 7


@pytest.mark.parametrize(
    "params",
    [
        "Full",
        {"AI": "Full"},
        {"AI": {"Color Correction Mode": "full"}},
        {"AI": {"Color Correction Mode": "Exposure and WB"}},
        {"Basic": {"Enable Basic": 1}},
    ],
)
def test_user_params_of_colour_correction_have_their_words(params: Any) -> None:
    """Three modes, spelt as on the page, and one switch."""
    assert "User Params" in refusal({"Plugin": "Color Correction", "User Params": params})


def test_user_params_of_crop_have_their_ranges() -> None:
    """Ratios have spaces around the colon; centres are shares; what is not known goes no further."""
    good = {
        "AutoStraightenMode": "Manual",
        "AspectRatio": "16 : 9",
        "Angle": -3.5,
        "ManualCenterX": 0.5,
        "ManualCenterY": 0,
        "ManualArea": 1,
        "ManualAspectRatio": 1.5,
        "CustomAspectX": 3,
        "CustomAspectY": 2,
    }
    crop = {"Plugin": "Crop", "User Params": good | {"More": 1}}
    assert read(crop).tasks[0]["User Params"] == good
    for key, bad in (
        ("AutoStraightenMode", "auto"),
        ("AspectRatio", "16:9"),
        ("AspectRatio", "0 : 9"),
        ("Angle", "left"),
        ("ManualCenterX", 1.5),
        ("ManualArea", -1),
        ("ManualAspectRatio", 0),
        ("CustomAspectX", -1),
    ):
        assert key in refusal({"Plugin": "Crop", "User Params": {key: bad}})


def test_a_crop_among_layers_is_one_itself() -> None:
    """Else the layers would not fit the photo they were made for."""
    assert "Crop" in refusal(HEAL_LAYER, CROP | {"Layer": 0})
    assert read(HEAL_LAYER, CROP).layered
    assert not read(BALANCED[0], CROP | {"Layer": 0}).layered


def test_all_seventeen_plug_ins_are_known_in_the_pages_order() -> None:
    """And each can be asked for with nothing but its name."""
    assert list(PLUGINS) == [
        *("Skin Mask", "Clean Backdrop", "Heal", "Fabric", "Dust", "Eye Vessels"),
        *("Eye Brilliance", "White Teeth", "Mattifier", "Dodge Burn", "Skin Tone"),
        *("Portrait Volumes", "Face Detection", "Face Lifting", "Glasses Anti Glare"),
        *("Color Correction", "Crop"),
    ]
    faces_first = [{"Plugin": "Face Detection"}, *({"Plugin": plugin} for plugin in PLUGINS)]
    assert len(read(*faces_first).tasks) == 18


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted({key for keys in PLUGINS.values() for key in keys} | {"Layer", "Other"})
ANY_TASK = st.dictionaries(st.sampled_from(KEYS), ANY_JSON, max_size=4)


@given(st.sampled_from(list(PLUGINS)), ANY_TASK)
def test_whatever_is_sent_is_read_or_refused(plugin: str, task: dict[str, Any]) -> None:
    """No JSON makes the reading fail in another way, and what is read needs no second look."""
    try:
        payload = read({"Plugin": "Face Detection"}, {"Plugin": plugin} | task)
    except Refusal as refused:
        assert refused.status == 462
    else:
        assert payload.tasks[1].keys() <= {"Plugin", "Layer", *PLUGINS[plugin]}
        json.dumps(payload.tasks, allow_nan=False)
