"""People are found below their faces, clothes without skin; without a face there is nobody."""

import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.face import Face, find_faces, skin_map
from retouch_nb.imaging.portrait.person import clothes_map, person_map

PHOTO = np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def faces() -> list[Face]:
    """Give the astronaut's face."""
    return find_faces(PHOTO)


def test_a_person_is_head_and_trunk_and_not_the_backdrop(faces: list[Face]) -> None:
    """Face, hair, collar and suit belong to her; wall, model rocket, flag's top and helmet do not."""
    person = person_map(PHOTO, faces)
    for y, x in ((110, 220), (40, 220), (200, 225), (350, 130), (450, 180)):
        assert person[y, x] > 0.9, (y, x)
    for y, x in ((60, 300), (150, 90), (120, 410), (100, 20), (420, 420)):
        assert person[y, x] < 0.1, (y, x)


def test_clothes_have_no_head_and_no_skin(faces: list[Face]) -> None:
    """Fabric is never smoothed on a face, in hair or on skin."""
    clothes = clothes_map(PHOTO, faces)
    assert clothes[350, 130] > 0.9
    assert clothes[: int(faces[0].box[3]) - 5].max() < 0.1
    assert clothes[skin_map(PHOTO, faces) > 0.9].max() < 0.1


def test_nobody_without_a_face() -> None:
    """No face means no person, wherever the photo is from."""
    assert person_map(PHOTO, []).max() == 0
    assert clothes_map(PHOTO, []).max() == 0
