"""AILabTools' wire, by literals from its pages: three generations of one answer."""

import json

import numpy as np
import pytest

from retouch_nb.contract import Answer, Call, Finished, Refused
from retouch_nb.errors import (
    CredentialsError,
    OutOfCreditsError,
    PictureError,
    ProtocolError,
    RateLimitError,
    RefusedError,
    ServiceError,
    TaskFailedError,
)
from retouch_nb.photo import Photo
from retouch_nb.providers.ailabtools import MatchStyle

PHOTO = Photo.open(np.full((60, 80, 3), 90, np.uint8))
ADDRESS = "https://results.example.test/r.png?sig=x"
NEWEST = {
    "request_id": "r-1",
    "log_id": "l-1",
    "error_detail": {"code": "", "code_message": "", "message": ""},
    "data": {"image_url": ADDRESS},
}
MIDDLE = {**NEWEST, "error_code": 0, "error_detail": {**NEWEST["error_detail"], "status_code": 200}}
OLDEST = {**MIDDLE, "error_code_str": "", "error_msg": ""}


def read(body: object, status: int = 200) -> object:
    return MatchStyle.detached().read(Answer(status, {}, json.dumps(body).encode()))


def refusal(status: int, code: str) -> Refused:
    body = {
        "request_id": "r-1",
        "error_code": status,
        "error_detail": {"code": code, "message": "no"},
    }
    outcome = read(body, status)
    assert isinstance(outcome, Refused)
    return outcome


def test_both_pictures_travel_under_names_that_fit_their_content() -> None:
    """The parts are called image and style, each with the ending and type of its bytes."""
    call = MatchStyle(PHOTO, PHOTO).submit()
    assert (call.method, call.path, call.waits) == (
        "POST",
        "/api/image/editing/photo-retouching",
        True,
    )
    assert {k: (u.file_name, u.media_type) for k, u in call.files.items()} == {
        "image": ("image.png", "image/png"),
        "style": ("style.png", "image/png"),
    }


@pytest.mark.parametrize("body", [NEWEST, MIDDLE, OLDEST])
def test_every_generation_of_success_is_understood(body: dict) -> None:
    """The old fields may be absent; where they are present they must say that all went well."""
    assert read(body) == Finished(Call("GET", ADDRESS), "r-1")


@pytest.mark.parametrize(
    "body",
    [
        {**NEWEST, "error_code": 1001},
        {**NEWEST, "error_code": "QUOTA"},
        {**NEWEST, "error_code_str": "PROCESSING"},
        {**NEWEST, "error_detail": {"code": "PROCESSING_FAILURE"}},
    ],
)
def test_one_sign_of_failure_is_enough(body: dict) -> None:
    """HTTP 200 with a picture is a failure all the same when one field says so."""
    assert isinstance(read(body), Refused)


@pytest.mark.parametrize(
    ("status", "code", "error", "passing"),
    [
        (400, "MISSING_PARAMETERS", RefusedError, False),
        (401, "ERROR_USER_NOT_EXISTS", CredentialsError, False),
        (403, "ERROR_USER_LOCKED", RefusedError, False),
        (413, "FILE_SIZE_EXCEEDS_LIMIT", RefusedError, False),
        (422, "ERROR_NO_FACE_IN_FILE", TaskFailedError, False),
        (400, "PROCESSING_FAILURE", TaskFailedError, False),
        (500, "PROCESSING_FAILURE", TaskFailedError, False),
        (429, "ERROR_NOT_ENOUGH_CREDITS", OutOfCreditsError, False),
        (429, "EXCEEDING_LIMITS", RateLimitError, True),
        (502, "AI_SERVICE_ERROR", ServiceError, True),
        (504, "AI_SERVICE_TIMEOUT", ServiceError, True),
    ],
)
def test_every_code_has_its_meaning(status: int, code: str, error: type, passing: bool) -> None:
    """Only the code tells whether a 429 means to wait or to pay."""
    outcome = refusal(status, code)
    assert (type(outcome.error), outcome.passing) == (error, passing)


def test_an_error_carries_what_support_asks_for() -> None:
    """The request id is on the error, the code in its words."""
    error = refusal(422, "ERROR_BLURRY_FACE").error
    assert (error.request_id, error.code) == ("r-1", "ERROR_BLURRY_FACE")
    assert "too blurry" in error.what


def test_an_answer_without_json_keeps_its_status() -> None:
    """A gateway's page of HTML is an error with its code; on 200 it is not trusted."""
    outcome = MatchStyle.detached().read(Answer(502, {}, b"<html>"))
    assert isinstance(outcome, Refused)
    assert outcome.error.code == "502"
    for body in (
        b"<html>",
        json.dumps({**NEWEST, "data": {}}).encode(),
        json.dumps({**NEWEST, "data": {"image_url": "x"}}).encode(),
    ):
        with pytest.raises(ProtocolError):
            MatchStyle.detached().read(Answer(200, {}, body))


@pytest.mark.parametrize("side", [32, 3000])
def test_the_bounds_of_the_page_are_strict(side: int) -> None:
    """Larger than 32 and smaller than 3000 pixels, for both pictures, and a way out is named."""
    wrong = np.zeros((side, 100, 3), np.uint8)
    with pytest.raises(PictureError, match="photo is 100"):
        MatchStyle(wrong, PHOTO)
    with pytest.raises(PictureError, match="style picture is 100") as refused:
        MatchStyle(PHOTO, wrong)
    assert ("--shrink" in str(refused.value)) == (side == 3000)


def test_pictures_are_made_smaller_only_when_asked() -> None:
    """With shrink a large picture fits, and a remark says what was done; a fitting one stays as it is."""
    noise = np.random.default_rng(1).integers(0, 255, (1500, 1500, 3), np.uint8)
    made = MatchStyle(noise, PHOTO, shrink=True)
    assert len(made.photo.data) <= 3_000_000
    assert made.photo.size == (1500, 1500)
    assert made.warnings() == (made.photo.notes[-1],)
    assert "Made to fit: 1500 x 1500, JPEG quality" in made.warnings()[0]
    assert made.style is PHOTO


def test_what_no_quality_makes_fit_is_made_smaller() -> None:
    """Noise of the largest size has more bytes than are taken at any quality; lost transparency is said."""
    noise = np.random.default_rng(1).integers(0, 255, (2999, 2999, 4), np.uint8)
    made = MatchStyle(noise, PHOTO, shrink=True)
    assert len(made.photo.data) <= 3_000_000
    assert 1500 < made.photo.size[0] < 2999
    assert "transparency was left out" in made.warnings()[0]


def test_what_is_too_small_cannot_be_made_to_fit() -> None:
    """A strip that a smaller one would make too thin is refused, and shrinking not advised again."""
    with pytest.raises(PictureError, match="each side must be") as refused:
        MatchStyle(np.zeros((40, 4000, 3), np.uint8), PHOTO, shrink=True)
    assert "--shrink" not in str(refused.value)


def test_other_formats_are_refused_before_the_upload() -> None:
    """The page takes JPEG and PNG only."""
    webp = Photo(PHOTO.data, "WEBP", PHOTO.size)
    with pytest.raises(PictureError, match="WEBP"):
        MatchStyle(webp, PHOTO)


@pytest.mark.parametrize(
    ("status", "code", "untouched"),
    [
        (503, "ERROR_INSUFFICIENT_RESOURCES", True),
        (503, "", False),
        (500, "PROCESSING_FAILURE", True),
        (500, "ERROR_UNLISTED", False),
        (302, "", False),
        (204, "", False),
        (307, "", True),
        (404, "", True),
    ],
)
def test_only_a_word_of_the_service_says_that_nothing_was_taken(
    status: int, code: str, untouched: bool
) -> None:
    """A gateway's 503 may come after the work has begun; the service's own code does not."""
    assert refusal(status, code).untouched == untouched
