"""Every payload that Retouch4me's page shows, and the `result.json` it shows, through the whole of this package.

Pasted as JSON, checked, sent to the engine with its real work, read back, shown: nothing on that way may know better.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from retouch_nb.gallery import gallery
from retouch_nb.layers import LayerStack
from retouch_nb.layers.pngrows import Png
from retouch_nb.layers.stack import NUMBERS_ALONE
from retouch_nb.photo import Photo
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.session import Session


def task(plugin: str, **keys: Any) -> dict[str, Any]:
    return {"Plugin": plugin, **keys}


def one(plugin: str, scale: int, *alphas: float) -> dict[str, Any]:
    """Give a plain task."""
    strengths = {f"Alpha{n}": alpha for n, alpha in enumerate(alphas, 1)}
    return task(plugin, Scale=scale, **strengths)


def colour(mode: str) -> dict[str, Any]:
    params = {"AI": {"Color Correction Mode": mode}, "Basic": {"Enable Basic": True}}
    return task("Color Correction", Layer=0, **{"User Params": params})


BALANCED = [
    one("Heal", 0, 1.0),
    one("Fabric", 0, 0.39),
    one("Eye Vessels", 0, 1.0),
    one("Eye Brilliance", 0, 0.5),
    one("White Teeth", 0, 0.25, 0.25),
    one("Dodge Burn", 2, 1.0, 0.2),
    one("Skin Tone", 0, 1.0, 1.0),
    one("Portrait Volumes", 0, 0.5),
]
SLIGHT = [
    one("Heal", 0, 0.8),
    one("Eye Vessels", 0, 0.35),
    one("White Teeth", 0, 0.1, 0.08),
    one("Dodge Burn", 2, 0.35, 0.08),
    one("Skin Tone", 0, 0.35, 0.35),
    one("Portrait Volumes", 0, 0.18),
]
HEAVY = [
    one("Heal", 0, 0.9),
    one("Fabric", 0, 0.75),
    one("Eye Vessels", 0, 0.9),
    one("Eye Brilliance", 0, 0.85),
    one("White Teeth", 0, 0.65, 0.55),
    one("Dodge Burn", 2, 1.35, 0.35),
    one("Skin Tone", 0, 1.15, 1.15),
    one("Portrait Volumes", 0, 0.9),
]
FACES = task("Face Detection")
LIFT = task(
    "Face Lifting",
    **{
        "face_lifting_version": 3,
        "Face Lifting": 1.0,
        "Face Masculinity": 0.55,
        "Double Chin Correction": 1.0,
        "Face Lifting Depth": 0.6,
        "Flow Smoothing": 0.1,
    },
)
GLASSES = task("Glasses Anti Glare", **{"LayoutMode": "full", "Glasses Glare Removal": 1.0})
CROP = task("Crop", **{"User Params": {"AutoStraightenMode": "AI", "AspectRatio": "Original"}})
LAYER = {"Layer": 1}

PAYLOADS: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "balanced": (BALANCED, None),
    "slight": (SLIGHT, None),
    "heavy": (HEAVY, None),
    "exposure": ([colour("Exposure only")], None),
    "exposure and white balance": ([colour("Exposure & WB")], None),
    "full": ([colour("Full")], None),
    "face, flat": ([FACES, BALANCED[0], one("Dust", 3, 1.0), LIFT, GLASSES], "jpeg"),
    "layers": ([t | LAYER for t in (one("Skin Mask", 0, 1.0), *BALANCED)], None),
    "glasses, full": ([FACES, BALANCED[0] | LAYER, GLASSES | LAYER], "zip"),
    "glasses, patch": (
        [FACES, BALANCED[0] | LAYER, LIFT | LAYER, GLASSES | LAYER | {"LayoutMode": "patch"}],
        "zip",
    ),
    "crop": ([CROP | LAYER], "zip"),
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Give a session without keys: the embedded engine works."""
    session = Session(home=tmp_path_factory.mktemp("home"), environ={})
    yield session
    session.close()


@pytest.fixture(scope="module")
def portrait() -> Photo:
    """Give a face."""
    return Photo.open(Image.fromarray(data.astronaut()[20:220, 120:320]))


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_of_the_page_goes_all_the_way(
    name: str, session: Session, portrait: Photo
) -> None:
    """It is sent as it was pasted, done, and shown; each layered task with a picture is a layer."""
    tasks, output = PAYLOADS[name]
    payload = {"mode": "professional", "tasks": tasks} | (
        {"outputFormat": output} if output else {}
    )
    operation = Retouch(portrait, json.dumps(payload, indent=2))
    assert json.loads(operation.steps.payload) == payload
    edit = session.run(operation)
    assert edit.after.size == portrait.size
    assert (edit.layers is not None) == any("Layer" in t and t["Layer"] for t in tasks)
    if edit.layers is not None:
        wanted = [t["Plugin"] for t in tasks if t.get("Layer") and t["Plugin"] != "Crop"]
        assert [layer.plugin for layer in edit.layers] == wanted
        shown = gallery(edit.layers)
        assert all(plugin in shown for plugin in wanted)
        assert wanted or NUMBERS_ALONE.split("`")[0] in shown
    assert edit._repr_html_()


def matrix(a: float, b: float, x: float, y: float) -> list[list[float]]:
    """Give a similarity as the page writes it."""
    return [[a, -b, x], [b, a, y]]


FLOWS = [
    *[matrix(0.07068472693522765, 0.0032485662850469444, -149.46063588281874, 3.425175583687846)]
    * 3,
    matrix(0.0551668455589931, 0.002535387237182931, -88.54788399301302, 5.01761082652871),
    matrix(0.028644323655631035, 0.001316451065460368, 15.561675619012476, 40.75914408300529),
]
PATCH = matrix(0.4455783679764828, 0.02047812768493906, -1237.0406014820285, -516.8577587088067)
LANDMARKS = [
    (0.40930742025375366, 0.2873525619506836), (0.6650311350822449, 0.26288726925849915),
    (0.5250742435455322, 0.3583020269870758), (0.47323837876319885, 0.28001296520233154),
    (0.5855494737625122, 0.2726733684539795), (0.5319857001304626, 0.42925146222114563),
    (0.4922448694705963, 0.4537167251110077), (0.576910138130188, 0.4537167251110077),
    (0.5339804887771606, 0.5705606341362), (0.526802122592926, 0.23108233511447906),
]  # fmt: skip
FACE = {
    "confidence": 0.8743641972541809,
    "faceAge": 42.75107955932617,
    "faceGenderFemale": -5.119027614593506,
    "faceGenderMale": 5.1189422607421875,
    "faceGlasses": 0.9999644756317139,
    "landmarks": [{"x": x, "y": y} for x, y in LANDMARKS],
    "x1": 0.40239596366882324,
    "x2": 0.6788541078567505,
    "y1": 0.14056065678596497,
    "y2": 0.532005786895752,
}
SIZE = {"originalHeight": 5304, "originalWidth": 7542}
RESULT = {
    "jsonVersion": "1",
    "plugins": [
        {"metadata": {"faces": [FACE]}, "operationIndex": 0, "pluginName": "Face Detection"},
        {
            "blendingMode": "flow",
            "faceLiftingVersion": 3,
            "faces": [{"flowCount": 5, "flowMatrices": FLOWS}],
            "operationIndex": 2,
            **SIZE,
            "pluginName": "Face Lifting",
        },
        {
            "amount": 1.0,
            "blendingMode": "linearLight",
            "faces": [
                {"glassesAntiGlarePatchMatrix": PATCH, "patchHeight": 512, "patchWidth": 1024}
            ],
            "glassesAntiGlareVersion": 1,
            "layoutMode": "patch",
            "operationIndex": 3,
            **SIZE,
            "pluginName": "Glasses Anti Glare",
        },
    ],
    "qwVersion": "1.055",
}


def test_the_pages_result_json_places_its_patch_and_is_shown(tmp_path: Path) -> None:
    """With the photo's published size: heal composited, flow kept and said so, patch in its place."""
    base = Photo.open(Image.new("L", (7542, 5304), 120))
    heal = np.zeros((5304, 7542, 4), np.uint8)
    heal[1000:1100, 2000:2100] = (90, 90, 90, 255)
    patch = np.full((512, 1024, 4), 200, np.uint8)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Heal_blendmode=normal.png", Png.of(heal).data)
        archive.writestr("Face Lifting_flow.png", Png.of(np.full((64, 64, 4), 128, np.uint8)).data)
        archive.writestr("Glasses Anti Glare_blendmode=linearLight_patch.png", Png.of(patch).data)
        archive.writestr("result.json", json.dumps(RESULT))
    tasks = ("Face Detection", "Heal", "Face Lifting", "Glasses Anti Glare")
    stack = LayerStack.from_zip(file.getvalue(), base, tasks=tasks)
    assert stack.metadata == RESULT
    assert [layer.kind for layer in stack] == ["pixel", "flow", "patch"]
    assert [layer.is_composited for layer in stack] == [True, False, True]
    after = stack.to_numpy()
    assert after[1050, 2050].tolist() == [90, 90, 90]
    # Landmark 0 of the sample lies on the patch; the corner of the photo does not.
    assert after[1524, 3087].min() > 120
    assert after[0, 0].tolist() == [120, 120, 120]
    shown = gallery(stack, longest=320)
    assert all(name in shown for name in stack.names)
