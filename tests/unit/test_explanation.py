"""How an explanation is kept and shown."""

import numpy as np
import pytest

from retouch_nb.explanation import SIDE, Explanation, Moment, Recorder
from retouch_nb.imaging.note import detail, magnified, marked


@pytest.mark.parametrize(
    "picture",
    [
        np.full((30, 40, 3), 9, np.uint8),
        np.full((30, 40, 4), 9, np.uint8),
        np.full((30, 40), 9, np.uint8),
        np.ones((30, 40), bool),
        np.full((30, 40), 2.5, np.float32),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((2, 900, 4), np.uint8)[:, ::2],
    ],
)
def test_every_kind_of_picture_is_shown(picture: np.ndarray) -> None:
    """Photos, layers, masks and planes of numbers, large and tiny."""
    recorder = Recorder()
    recorder("Title", "Words.", picture)
    (moment,) = recorder.explanation("engine").moments
    assert moment.picture is not None
    assert moment.picture.mode == "RGB"
    assert 200 <= max(moment.picture.size) <= SIDE


def test_a_large_picture_costs_little() -> None:
    """It is reduced when it is told, and is no part of the photo any more."""
    recorder, photo = Recorder(), np.zeros((3000, 4000, 3), np.uint8)
    recorder("Title", "Words.", photo)
    photo[:] = 255
    explanation = recorder.explanation("engine")
    assert explanation.moments[0].picture.getextrema()[0] == (0, 0)
    assert len(explanation._repr_html_()) < 4000


def test_it_is_static_html() -> None:
    """Steps with numbers, pictures with words, nothing that runs, and what it is told is escaped."""
    recorder = Recorder()
    recorder("A <b>", "Words & more.", np.ones((9, 9), bool))
    recorder("Next", "No picture.")
    html = recorder.explanation("engine")._repr_html_()
    assert html.startswith("<details open")
    assert html.count("<figure") == 2
    assert html.count("<img") == html.count("alt=") == 1
    assert "1. A &lt;b&gt;" in html
    assert "Words &amp; more." in html
    assert "<script" not in html


def test_nothing_told_is_said() -> None:
    """By a service never, by the engine when another cell's run was joined."""
    assert "PicWish does not tell" in Explanation("PicWish", (), told=False)._repr_html_()
    assert "under way already" in repr(Explanation("engine", ()))
    assert "in 1 step" in repr(Explanation("engine", (Moment("A", "b"),))).splitlines()[0]


def test_pieces_lie_within_the_picture() -> None:
    """Also of a picture that is smaller than the piece."""
    picture = np.arange(300 * 400 * 3, dtype=np.int64).reshape(300, 400, 3).astype(np.uint8)
    assert detail(picture, side=100).shape == (100, 100, 3)
    assert np.array_equal(detail(picture, side=100, at=(0, 0)), picture[:100, :100])
    assert np.array_equal(detail(picture, side=100, at=(1, 1)), picture[200:, 300:])
    assert detail(picture[:20, :30]).shape == (20, 30, 3)


def test_marks_and_differences_leave_the_pictures_alone() -> None:
    """They are drawn on copies; no change is mid-grey."""
    picture = np.full((4, 4, 3), 100, np.uint8)
    where = np.eye(4, dtype=bool)
    assert (marked(picture, where)[where] == [178, 70, 70]).all()
    assert (picture == 100).all()
    assert (magnified(picture, picture) == 128).all()
    assert (magnified(picture, picture + 1) == 136).all()
