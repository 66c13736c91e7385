"""A user's model, played by small ones made here: what it is given and what is taken from it."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from retouch_nb.errors import ParameterError
from retouch_nb.imaging.fill import fill
from retouch_nb.imaging.model import fill_with

pytest.importorskip("onnxruntime")

FREE = ("h", "w")


def model(
    folder: Path,
    *,
    size: tuple[object, object] = FREE,
    scale: float = 1.0,
    names: tuple[str, str] = ("image", "mask"),
    channels: tuple[int, int] = (3, 1),
    tone: float = 0.5,
) -> Path:
    """Save a model that gives the picture with an even tone in the hole, times a scale."""
    kind = TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(name, kind, [1, count, *size])
        for name, count in zip(names, channels, strict=True)
    ]
    output = helper.make_tensor_value_info("output", kind, [1, 3, *size])
    values = {"one": 1.0, "tone": tone, "scale": scale}
    weights = [helper.make_tensor(name, kind, [], [value]) for name, value in values.items()]
    nodes = [
        helper.make_node("Sub", ["one", names[1]], ["known"]),
        helper.make_node("Mul", [names[0], "known"], ["kept"]),
        helper.make_node("Mul", ["tone", names[1]], ["new"]),
        helper.make_node("Add", ["kept", "new"], ["both"]),
        helper.make_node("Mul", ["both", "scale"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "fill", inputs, [output], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "own.onnx"
    onnx.save(made, path)
    return path


@pytest.fixture
def photo() -> np.ndarray:
    """Give noise of sizes that are no multiples of anything."""
    return np.random.default_rng(5).integers(0, 256, (75, 93, 3)).astype(np.uint8)


@pytest.fixture
def hole(photo: np.ndarray) -> np.ndarray:
    """Give a hole in it."""
    hole = np.zeros(photo.shape[:2], bool)
    hole[20:50, 30:60] = True
    return hole


@pytest.mark.parametrize("size", [FREE, (64, 64), (128, 96)])
@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_only_the_hole_is_taken_from_a_model(
    tmp_path: Path, photo: np.ndarray, hole: np.ndarray, size: tuple[object, object], scale: float
) -> None:
    """Of free or fixed size, answering in fractions or in tones."""
    got = fill_with(model(tmp_path, size=size, scale=scale), photo, hole)
    assert (got[~hole] == photo[~hole]).all()
    assert np.abs(np.median(got[hole]) - 128) <= 1


def test_a_dark_answer_in_tones_is_not_taken_for_fractions(tmp_path: Path) -> None:
    """What was known tells the scale, not the largest value."""
    dark, hole = np.ones((40, 40, 3), np.uint8), np.zeros((40, 40), bool)
    hole[10:30, 10:30] = True
    assert fill_with(model(tmp_path, scale=255.0, tone=1 / 255), dark, hole).max() == 1


@pytest.mark.parametrize("names", [("input_1", "input_2"), ("img", "the_mask")])
def test_inputs_are_found_by_shape(
    tmp_path: Path, photo: np.ndarray, hole: np.ndarray, names: tuple[str, str]
) -> None:
    """Their names are up to whoever exported the model."""
    got = fill_with(model(tmp_path, names=names), photo, hole)
    assert (got[hole] == 128).all()


def test_a_model_without_a_mask_is_refused(
    tmp_path: Path, photo: np.ndarray, hole: np.ndarray
) -> None:
    """The message names the file and what it takes."""
    path = model(tmp_path, names=("a", "b"), channels=(3, 3))
    with pytest.raises(ParameterError, match=r"own\.onnx.*its inputs are a"):
        fill_with(path, photo, hole)


def test_a_file_that_is_no_model_is_refused(
    tmp_path: Path, photo: np.ndarray, hole: np.ndarray
) -> None:
    """In one sentence, not with the library's own traces."""
    path = tmp_path / "cat.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ParameterError, match=r"cat\.onnx is not a model"):
        fill_with(path, photo, hole)


def test_all_holes_go_through_the_model(tmp_path: Path, photo: np.ndarray) -> None:
    """Also narrow ones, which would be continued otherwise."""
    hole = np.zeros(photo.shape[:2], bool)
    hole[5, 5:20] = hole[40:70, 50:80] = True
    got = fill(photo, hole, model=model(tmp_path))
    assert (got[hole] == 128).all() and (got[~hole] == photo[~hole]).all()


def test_a_changed_file_is_loaded_anew(tmp_path: Path, photo: np.ndarray, hole: np.ndarray) -> None:
    """The loaded model is kept only while the file stays as it is."""
    path = model(tmp_path, tone=0.5)
    os.utime(path, (1, 1))
    fill_with(path, photo, hole)
    os.utime(model(tmp_path, tone=0.25), (2, 2))
    assert (fill_with(path, photo, hole)[hole] == 64).all()
