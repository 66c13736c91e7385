"""Enhancing: nothing done to clean photos, much to noisy and soft ones, faces with care."""

import cv2
import numpy as np
import pytest
from skimage import data

from retouch_nb.imaging.enhance import Condition, Kind, automatic_factor, enhance, examine
from retouch_nb.imaging.face import feature_map, skin_map
from retouch_nb.imaging.light import Pixels, light_of


def photo(name: str) -> Pixels:
    """Give one of scikit-image's photos in RGB."""
    picture = np.asarray(getattr(data, name)(), np.uint8)
    return picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)


def worn(picture: Pixels, *, blur: float = 0, noise: float = 0, quality: int = 0) -> Pixels:
    """Make a photo as a cheap camera would have: blurred, noisy, compressed."""
    soft = cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture
    grain = np.random.default_rng(0).normal(0, noise, picture.shape)
    tones = np.clip(np.round(soft + grain), 0, 255).astype(np.uint8)
    if not quality:
        return tones
    packed = cv2.imencode(".jpg", tones[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1].copy()


def decibel(found: Pixels, true: Pixels) -> float:
    """Measure PSNR."""
    return float(10 * np.log10(255**2 / max(np.mean((found.astype(float) - true) ** 2), 1e-9)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "clean") for name in ("chelsea", "coffee", "rocket", "camera", "grass")),
        ("chelsea", "face"),
        ("astronaut", "clean"),
        ("astronaut", "face"),
    ],
)
def test_a_clean_photo_comes_back_almost_untouched(name: str, kind: Kind) -> None:
    """At least 50 dB; it was fine."""
    assert decibel(enhance(photo(name), kind=kind), photo(name)) >= 50


@pytest.mark.parametrize(
    ("blur", "noise", "quality", "gain"),
    [(1.0, 2.0, 90, 0.65), (0.0, 8.0, 88, 2.1), (0.6, 4.0, 75, 0.3), (0.0, 15.0, 0, 5.0)],
    ids=["soft", "noisy", "phone", "very noisy"],
)
def test_a_noisy_or_soft_photo_gains(blur: float, noise: float, quality: int, gain: float) -> None:
    """In dB, on average over photos no net was trained on."""
    gains = []
    for name in ("chelsea", "astronaut", "camera"):
        true = photo(name)
        given = worn(true, blur=blur, noise=noise, quality=quality)
        gains.append(decibel(enhance(given), true) - decibel(given, true))
    assert np.mean(gains) >= gain


@pytest.mark.parametrize("factor", [2, 4])
def test_a_noisy_soft_photo_is_enlarged_better_than_by_bicubic(factor: int) -> None:
    """Cleared first, then enlarged: by 0.8 dB at least."""
    true = photo("chelsea")[:296, :448]
    small = cv2.resize(true, (448 // factor, 296 // factor), interpolation=cv2.INTER_AREA)
    given = worn(small, blur=0.8, noise=5)
    cubic = cv2.resize(given, (448, 296), interpolation=cv2.INTER_CUBIC)
    assert decibel(enhance(given, factor), true) >= decibel(cubic, true) + 0.8


def detail(picture: Pixels, weight: np.ndarray) -> float:
    """Measure the fine detail of the weighted pixels."""
    fine = cv2.Laplacian(light_of(picture), cv2.CV_32F)
    return float(np.average(np.abs(fine), weights=weight))


def test_a_portrait_keeps_its_skin_soft_and_its_eyes_clear() -> None:
    """Of the same soft photo, skin is sharpened less than otherwise, eyes, brows and lips more."""
    given = worn(photo("astronaut"), blur=1.0)
    portrait, plain = enhance(given, kind="face"), enhance(given)
    faces = examine(given, kind="face").faces
    skin, features = skin_map(given, faces), feature_map(given.shape, faces)
    assert len(faces) == 1
    assert detail(portrait, skin) < 0.95 * detail(plain, skin)
    assert detail(portrait, features) > 1.05 * detail(plain, features)
    assert detail(given, skin) < detail(portrait, skin)


def test_away_from_the_face_a_portrait_is_any_photo() -> None:
    """Bit by bit."""
    given = worn(photo("astronaut"), blur=1.0)
    assert (enhance(given, kind="face")[-60:] == enhance(given)[-60:]).all()


def test_without_a_face_the_kinds_are_one() -> None:
    """And the notes say so."""
    given = photo("chelsea")[60:200, 60:200]
    assert (enhance(given, 2, kind="face") == enhance(given, 2)).all()
    assert "No face was found: treated as clean" in examine(given, kind="face").notes()
    assert not any("face" in note for note in examine(given).notes())


def test_notes_say_what_was_seen() -> None:
    """One line a finding, in words a photographer would use."""
    assert examine(photo("chelsea")).clean
    notes = "; ".join(examine(worn(photo("chelsea"), blur=1.2, noise=4)).notes())
    assert "Noise of" in notes
    assert "A blur of" in notes
    assert Condition().notes() == ["The photo is clean and sharp: nothing was removed"]


def test_a_photo_examined_before_is_not_examined_again() -> None:
    """What the caller saw is what is done."""
    given = photo("coffee")[:120, :120]
    noisy = Condition(noise=6)
    assert (enhance(given, condition=noisy) != given).any()
    assert (enhance(worn(given, noise=9), condition=Condition()) == worn(given, noise=9)).all()


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_same_photo_gives_the_same_result(factor: int) -> None:
    """And the photo itself is not changed."""
    given = worn(photo("astronaut")[:150, 150:300], blur=0.8, noise=4)
    before = given.copy()
    first = enhance(given, factor, kind="face")
    assert first.shape == (150 * factor, 150 * factor, 3)
    assert (first == enhance(given, factor, kind="face")).all()
    assert (given == before).all()


def test_progress_rises_from_nothing_to_one() -> None:
    """Through every step."""
    heard: list[float] = []
    enhance(worn(photo("astronaut")[:400, :400], blur=1, noise=6), 2, progress=heard.append)
    assert heard[0] == 0
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1)
    assert len(heard) > 12


def test_what_progress_raises_ends_the_work() -> None:
    """That is how a task is cancelled."""

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        enhance(photo("chelsea"), 2, progress=stop)


@pytest.mark.parametrize(("factor", "kind"), [(3, "clean"), (0, "clean"), (2, "portrait")])
def test_unknown_words_are_refused(factor: int, kind: Kind) -> None:
    """Before anything is done."""
    with pytest.raises(ValueError, match="1, 2 or 4"):
        enhance(photo("chelsea")[:20, :20], factor, kind=kind)


@pytest.mark.parametrize(
    ("longest", "factor"),
    [(11, 4), (512, 4), (513, 2), (1024, 2), (1025, 1), (4096, 1)],
)
def test_the_longer_edge_chooses_the_factor(longest: int, factor: int) -> None:
    """Intervals are closed above; either edge may be the longer one."""
    assert automatic_factor(longest, 11) == automatic_factor(11, longest) == factor
