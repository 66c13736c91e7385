"""Faces on the one portrait of scikit-image, turned, scaled, lit and darkened; none elsewhere."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.cascades import load_cascade
from retouch_nb.imaging.face import Face, feature_map, find_faces, skin_map
from retouch_nb.imaging.landmarks import Affine, Pixels, carried, inverse

TRUE = {  # read off the astronaut at four times its size
    "left_eye": (203, 100),
    "right_eye": (246.3, 103),
    "mouth": (222.6, 144.5),
    "left_mouth": (204, 140),
    "right_mouth": (244.6, 140.4),
    "nose": (222.6, 125.9),
    "chin": (225.9, 178.4),
}
EYE_DISTANCE = 43.4
REACH = {"mouth": 0.12, "left_mouth": 0.1, "right_mouth": 0.1, "nose": 0.12, "chin": 0.2}


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    """Give a portrait, half length."""
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def face(astronaut: Pixels) -> Face:
    """Give its one face."""
    (found,) = find_faces(astronaut)
    return found


@pytest.fixture(scope="module")
def skin(astronaut: Pixels, face: Face) -> np.ndarray:
    """Give its skin."""
    return skin_map(astronaut, [face])


def turned(pixels: Pixels, degrees: float, scale: float) -> tuple[Pixels, Affine]:
    """Turn and resize a picture about its middle; with the matrix that did it."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    matrix[:, 2] += (scale - 1) * np.array([width, height]) / 2
    size = (round(width * scale), round(height * scale))
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.35 / scale) if scale < 1 else pixels
    return cv2.warpAffine(soft, matrix, size, borderMode=cv2.BORDER_REFLECT), matrix


def errors(face: Face, back: Affine) -> dict[str, float]:
    """Give distances from the true points, in eye distances."""
    points = {**face.landmarks, "mouth": face.mouth}
    points |= {"left_eye": face.left_eye, "right_eye": face.right_eye}
    return {
        name: float(np.hypot(*(carried(back, np.array(points[name])) - true))) / EYE_DISTANCE
        for name, true in TRUE.items()
    }


def as_rgb(picture: np.ndarray) -> Pixels:
    """Give a gray or RGBA picture three channels."""
    return np.dstack([picture] * 3) if picture.ndim == 2 else picture[..., :3]


@pytest.mark.parametrize(
    ("scale", "degrees", "exposure"),
    [(1, 0, 1), (0.5, -25, 0.5), (0.5, 0, 1.5), (1, 25, 1.5), (4, 15, 1)],
)
def test_a_frontal_face_is_found_with_its_points(
    astronaut: Pixels, scale: float, degrees: float, exposure: float
) -> None:
    """Half to four times the size, tilted by 25 degrees, at half to one and a half times the light."""
    photo, matrix = turned(astronaut, degrees, scale)
    lit = np.clip(photo * exposure, 0, 255).astype(np.uint8)
    (face,) = find_faces(lit)
    away = errors(face, inverse(matrix))
    assert {name: d for name, d in away.items() if d > REACH.get(name, 0.07)} == {}
    assert face.eye_distance == pytest.approx(EYE_DISTANCE * scale, rel=0.05)


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "brick"])
def test_what_is_no_face_is_not_taken_for_one(name: str) -> None:
    """A cat, a cup, a rocket and a wall have no human face."""
    assert find_faces(as_rgb(getattr(data, name)())) == []


def test_the_search_tells_how_far_it_is_and_can_be_stopped() -> None:
    """After the upright faces and after every tilt: each takes up to half a second."""
    heard: list[float] = []
    find_faces(np.full((64, 64, 3), 127, np.uint8), progress=heard.append)
    assert heard == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])

    def stop(fraction: float) -> None:
        raise InterruptedError(fraction)

    with pytest.raises(InterruptedError):
        find_faces(np.full((64, 64, 3), 127, np.uint8), progress=stop)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 3), (64, 64, 3)])
def test_a_picture_of_nothing_has_no_face(shape: tuple[int, int, int]) -> None:
    """Empty pictures of any shape are searched without complaint."""
    assert find_faces(np.full(shape, 127, np.uint8)) == []


def test_several_faces_come_largest_first(astronaut: Pixels) -> None:
    """Everybody in a group is found, and `most` keeps the largest."""
    small = cv2.resize(astronaut, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    group = np.hstack([small[:280], astronaut[:280]])
    faces = find_faces(group)
    assert [round(face.left_eye[0]) for face in faces] == pytest.approx([307 + 203, 122], abs=3)
    assert find_faces(group, most=1) == faces[:1]


def test_a_face_cut_by_the_border_is_still_measured(astronaut: Pixels) -> None:
    """Windows that reach beyond the photo are filled, boxes and maps stay inside it."""
    photo = astronaut[60:185, 170:285]
    (face,) = find_faces(photo)
    x0, y0, x1, y1 = face.box
    assert 0 <= x0 < x1 <= photo.shape[1]
    assert 0 <= y0 < y1 <= photo.shape[0]
    assert skin_map(photo, [face]).shape == photo.shape[:2]


def test_threads_do_not_disturb_each_other(astronaut: Pixels, face: Face) -> None:
    """Two searches at once give what one gives."""
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(find_faces, [astronaut] * 4)) == [[face]] * 4


def test_the_frame_puts_the_eyes_half_a_unit_from_the_middle(face: Face) -> None:
    """Tools may think in eye distances, whatever the photo's size and the head's tilt."""
    eyes = carried(face.frame, np.array([face.left_eye, face.right_eye]))
    assert eyes == pytest.approx(np.array([[-0.5, 0], [0.5, 0]]), abs=1e-9)


@pytest.mark.parametrize(
    ("part", "point"),
    [("left_eye", "left_eye"), ("right_eye", "right_eye"), ("lips", "mouth"), ("nose", "nose")],
)
def test_outlines_lie_around_their_points(face: Face, part: str, point: str) -> None:
    """The curve around a part holds the part's own landmark, and the face's holds the curve."""
    points = {**face.landmarks, "mouth": face.mouth}
    points |= {"left_eye": face.left_eye, "right_eye": face.right_eye}
    curve = face.outline(part).astype(np.float32)
    assert cv2.pointPolygonTest(curve, points[point], False) > 0
    oval = face.outline("face").astype(np.float32)
    assert all(cv2.pointPolygonTest(oval, tuple(map(float, p)), False) > 0 for p in curve)


def test_an_unknown_part_is_refused_with_the_known_ones(face: Face) -> None:
    """A misspelt part names what there is."""
    with pytest.raises(ValueError, match="left_brow"):
        face.outline("moustache")


def test_a_moved_face_is_the_same_face(astronaut: Pixels, face: Face) -> None:
    """Cutting and resizing the photo and moving the face agree with finding it there."""
    part = cv2.resize(astronaut[40:300, 100:360], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    (again,) = find_faces(part)
    moved = face.moved(100, 40, scale=2)
    assert np.subtract(again.left_eye, moved.left_eye) == pytest.approx(0, abs=2)
    assert np.subtract(again.landmarks["chin"], moved.landmarks["chin"]) == pytest.approx(0, abs=6)


def test_skin_is_skin_and_nothing_else(skin: np.ndarray) -> None:
    """Cheeks, nose and neck are in; hair, backdrop, collar, suit, eyes and teeth are out."""
    inside = {
        "cheeks": (195, 125),
        "right cheek": (255, 125),
        "nose": (222, 115),
        "neck": (205, 180),
    }
    outside = {
        "hair": (222, 60), "side hair": (165, 90), "backdrop": (330, 60), "collar": (225, 210),
        "suit": (120, 300), "eye": (203, 100), "teeth": (222, 145),
    }  # fmt: skip
    assert {name: skin[y, x] for name, (x, y) in inside.items() if skin[y, x] < 0.9} == {}
    assert {name: skin[y, x] for name, (x, y) in outside.items() if skin[y, x] > 0.05} == {}


@pytest.mark.parametrize("light", [0.5, 0.25, 0.1])
def test_dark_skin_is_found_like_light_skin(
    astronaut: Pixels, skin: np.ndarray, light: float
) -> None:
    """With head and neck reflecting a tenth of the light, the map is nearly the same."""
    y, x = np.mgrid[:512, :512]
    head = np.clip(4 * (1 - np.hypot((x - 226) / 85, (y - 112) / 100)), 0, 1)
    head = cv2.GaussianBlur(np.maximum(head, skin > 0.5), (0, 0), 1.5)[..., None]
    linear = (astronaut / 255) ** 2.2 * (1 - head * (1 - light * np.array([1.1, 1, 0.95])))
    darker = (linear ** (1 / 2.2) * 255).astype(np.uint8)
    faces = find_faces(darker)
    assert len(faces) == 1
    found, true = skin_map(darker, faces) > 0.5, skin > 0.5
    assert (found & true).sum() / (found | true).sum() > 0.9


def test_maps_are_soft_and_stay_near_the_face(astronaut: Pixels, face: Face) -> None:
    """Both maps are float32 between 0 and 1, with half-tones, and nothing far away."""
    maps = (skin_map(astronaut, [face]), feature_map(astronaut.shape, [face]))
    for found in maps:
        assert found.dtype == np.float32
        assert 0 <= found.min() <= found.max() <= 1
        assert ((found > 0.2) & (found < 0.8)).any()
        assert found[320:].max() == 0 == found[:, 340:].max()
    assert (maps[0] * maps[1]).max() <= 0.25 + 1e-6


def test_features_are_eyes_brows_and_lips(face: Face) -> None:
    """What must stay sharp is covered, the skin between is not."""
    drawn = feature_map((512, 512), [face])
    kept = [face.left_eye, face.right_eye, face.mouth, face.landmarks["left_brow"]]
    free = [face.landmarks["left_cheek"], face.landmarks["nose"], face.landmarks["chin"]]
    assert min(drawn[round(y), round(x)] for x, y in kept) > 0.6
    assert max(drawn[round(y), round(x)] for x, y in free) < 0.05


def test_two_faces_share_the_maps(astronaut: Pixels, face: Face) -> None:
    """The map of several faces is the union of theirs."""
    pair = np.hstack([astronaut, astronaut])
    faces = [face, face.moved(-512, 0)]
    both = skin_map(pair, faces)
    assert np.abs(both[:, :500] - both[:, 512:1012]).max() < 0.02
    assert both[:, :512].max() > 0.9


def test_an_opencv_without_cascades_is_named(tmp_path: Path) -> None:
    """Version 5 dropped the cascades: the error says which version has them."""
    with pytest.raises(ImportError, match=r"opencv-python-headless>=4\.10,<5"):
        load_cascade("frontalface_alt", str(tmp_path))
