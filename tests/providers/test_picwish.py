"""PicWish's wire, by literals from its pages: what is sent, and what an answer means."""

import base64
import json

import numpy as np
import pytest

from retouch_nb.contract import Accepted, Answer, Call, Finished, Pending, Price, Refused
from retouch_nb.errors import (
    CredentialsError,
    ParameterError,
    PictureError,
    ProtocolError,
    RateLimitError,
    RefusedError,
    ResultExpiredError,
    ServiceError,
    TaskFailedError,
)
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, Inpaint, RetouchObject

PHOTO = Photo.open(np.full((60, 80, 3), 90, np.uint8))
SPOT = np.zeros((60, 80), bool)
SPOT[10:20, 10:20] = True
LINK = "https://example.org/cat.jpg"


def answer(body: object, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())


def task(**fields: object) -> Answer:
    return answer({"status": 200, "message": "success", "data": {"task_id": "t-1", **fields}})


def read(given: Answer) -> object:
    return Enhance(PHOTO).read(given)


def test_removal_sends_photo_and_mask_as_files() -> None:
    """The form has the two files and says how to answer, each as plain text."""
    call = Inpaint(PHOTO, SPOT).submit()
    assert (call.method, call.path) == ("POST", "/api/tasks/visual/inpaint")
    assert dict(call.fields) == {"sync": "0", "return_type": "1"}
    assert {k: (u.file_name, u.media_type) for k, u in call.files.items()} == {
        "image_file": ("photo.png", "image/png"),
        "mask_file": ("mask.png", "image/png"),
    }


def test_rectangles_travel_as_one_json_field() -> None:
    """The page wants a JSON array as text in one field, and no mask beside it."""
    call = Inpaint(PHOTO, rectangles=[(1, 2, 30, 40), (5, 5, 5, 5)]).submit()
    assert call.fields["rectangles"] == (
        '[{"x":1,"y":2,"width":30,"height":40},{"x":5,"y":5,"width":5,"height":5}]'
    )
    assert list(call.files) == ["image_file"]


def test_addresses_travel_in_the_url_fields() -> None:
    """A photo or mask given by its address is sent as such, and never as a file beside it."""
    call = Inpaint(LINK, "https://example.org/mask.png").submit()
    assert call.files == {}
    assert call.fields["image_url"] == LINK
    assert call.fields["mask_url"] == "https://example.org/mask.png"


def test_an_automatic_factor_is_left_out() -> None:
    """Automatic enlargement means the field is absent, not empty and not 0."""
    assert "scale_factor" not in Enhance(PHOTO).submit().fields
    assert dict(Enhance(PHOTO, type="face", scale_factor=4).submit().fields) == {
        "sync": "0",
        "type": "face",
        "return_type": "1",
        "scale_factor": "4",
    }


def test_object_retouching_sends_numbers_and_up_to_three_pictures() -> None:
    """Types may be named; they and the strengths travel as whole numbers, the retain mask as a file."""
    call = RetouchObject(PHOTO, SPOT, retain_mask=~SPOT, type="metal", retouch_strength=10).submit()
    assert call.path == "/api/tasks/visual/retouching-collection"
    assert dict(call.fields) == {
        "sync": "0",
        "type": "4",
        "retouch_strength": "10",
        "line_strength": "60",
    }
    assert list(call.files) == ["image_file", "mask_file", "retain_mask_file"]


def test_a_task_is_asked_after_by_its_escaped_id() -> None:
    """An id is opaque text and cannot break out of the path."""
    assert Enhance(PHOTO).poll("a/../b?c").path == "/api/tasks/visual/scale/a%2F..%2Fb%3Fc"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Inpaint(PHOTO), ParameterError, "Say what to remove"),
        (lambda: Inpaint(PHOTO, SPOT, rectangles=[(1, 1, 2, 2)]), ParameterError, "not both"),
        (lambda: Inpaint(PHOTO, np.zeros((60, 80), bool)), PictureError, "empty"),
        (lambda: Inpaint(PHOTO, np.ones((60, 80), bool)), PictureError, "100 %"),
        (lambda: Inpaint(PHOTO, np.zeros((61, 80), bool)), PictureError, "80 x 61"),
        (lambda: Inpaint(PHOTO, rectangles=[]), ParameterError, "1 to 50"),
        (lambda: Inpaint(PHOTO, rectangles=[(1, 1, 1, 1)] * 51), ParameterError, "51 rectangles"),
        (lambda: Inpaint(PHOTO, rectangles=[(70, 1, 11, 1)]), ParameterError, "inside the photo"),
        (lambda: Inpaint(PHOTO, rectangles=[(1, 1, 0, 5)]), ParameterError, "inside the photo"),
        (lambda: Inpaint(PHOTO, rectangles="1,2,3"), ParameterError, "four numbers"),
        (lambda: Inpaint(PHOTO, SPOT, return_type=3), ParameterError, "--return-type 3"),
        (lambda: Inpaint("https://a.b/" + "c" * 512, SPOT), ParameterError, "512"),
        (lambda: Enhance(PHOTO, scale_factor=3), ParameterError, "one of 1, 2, 4"),
        (lambda: Enhance(PHOTO, return_type=3), ParameterError, "--sync"),
        (lambda: Enhance(np.zeros((10, 80, 3), np.uint8)), PictureError, "11 to 4,096"),
        (lambda: Enhance(np.zeros((20, 4097, 3), np.uint8)), PictureError, "11 to 4,096"),
        (lambda: RetouchObject(PHOTO, None), ParameterError, "needs a mask"),
        (lambda: RetouchObject(PHOTO, SPOT, type=7), ParameterError, "--type 7"),
        (lambda: RetouchObject(PHOTO, SPOT, line_strength=101), ParameterError, "0 to 100"),
        (lambda: RetouchObject(PHOTO, np.zeros((60, 80), bool)), PictureError, "no subject"),
    ],
)
def test_what_the_pages_refuse_is_refused_before_it_is_sent(make, error, words: str) -> None:
    """Every rule of the pages that can be known beforehand is one clear error."""
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("operation", "most"), [(Enhance, 20_000_000), (RetouchObject, 29_999_999)]
)
def test_the_byte_limit_is_the_pages(operation, most: int) -> None:
    """20 MB are accepted where the page says up to; 30 MB are not where it says less than."""
    operation.limits.check(Photo(b"x" * most, "PNG", (100, 100)))
    with pytest.raises(PictureError, match="MB"):
        operation.limits.check(Photo(b"x" * (most + 1), "PNG", (100, 100)))


def test_half_of_the_photo_may_go_and_not_more() -> None:
    """The rule of 50 % counts the union of the rectangles."""
    Inpaint(PHOTO, rectangles=[(0, 0, 40, 60), (0, 0, 40, 60)])
    with pytest.raises(PictureError, match="at most 50 %"):
        Inpaint(PHOTO, rectangles=[(0, 0, 41, 60)])


def test_an_accepted_task_has_only_its_id() -> None:
    """Without a state an answer means that the task was taken."""
    assert read(answer({"status": 200, "data": {"task_id": "t-1"}})) == Accepted("t-1")


@pytest.mark.parametrize("state", [0, 2, 3, 4, 5, 99, "4"])
def test_zero_and_whatever_is_above_one_is_running(state: object) -> None:
    """State 0 is queued, and a progress of 100 finishes nothing."""
    outcome = read(task(state=state, progress=100))
    assert isinstance(outcome, Pending)
    assert outcome.state == {0: "queued", 2: "preparing", 3: "waiting"}.get(state, "processing")


@pytest.mark.parametrize("state", [-1, -2, -3, -4, -5, -7, -8, -99])
def test_every_negative_state_is_final(state: int) -> None:
    """Listed or not, a negative state is a failure that carries its number and the task's id."""
    outcome = read(task(state=state, progress=100, image="https://x.y/z.png"))
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.error, TaskFailedError)
    assert (outcome.error.code, outcome.error.ticket, outcome.passing) == (str(state), "t-1", False)


def test_a_finished_task_gives_an_address_or_bytes() -> None:
    """Whatever was asked for, an address, bare base64 and base64 with a prefix are all understood."""
    coded = base64.b64encode(b"picture").decode()
    assert read(task(state=1, image="https://x.y/z?a=1&b=2")) == Finished(
        Call("GET", "https://x.y/z?a=1&b=2"), "t-1"
    )
    for image in (coded, f"data:image/png;base64,{coded}", coded[:4] + "\n" + coded[4:]):
        assert read(task(state=1, image=image)) == Finished(b"picture", "t-1")


def test_a_binary_answer_is_the_picture() -> None:
    """With return_type 3 the body itself is the picture, known by its first bytes."""
    assert read(Answer(200, {}, PHOTO.data)) == Finished(PHOTO.data)


@pytest.mark.parametrize(
    "given",
    [
        task(state=1),
        task(state=1, image=""),
        task(state=1, image=7),
        task(state=1, image="%%%"),
        answer({"status": 200}),
        answer({"status": 200, "data": {}}),
        answer({"status": 200, "data": []}),
        answer([1, 2]),
        Answer(200, {}, b"<html>busy</html>"),
        Answer(200, {}, b""),
        Answer(200, {}, b'{"status": NaN}'),
        Answer(200, {}, b"[" * 100_000),
    ],
)
def test_an_answer_that_makes_no_sense_is_not_trusted(given: Answer) -> None:
    """A done task without a picture, HTML, emptiness, deep nesting: one typed error, never a crash."""
    with pytest.raises(ProtocolError):
        read(given)


@pytest.mark.parametrize(
    ("status", "error", "passing", "untouched"),
    [
        (400, RefusedError, False, True),
        (401, CredentialsError, False, True),
        (404, ResultExpiredError, False, True),
        (413, RefusedError, False, True),
        (429, RateLimitError, True, True),
        (500, ServiceError, True, False),
        (502, ServiceError, True, False),
        (418, RefusedError, False, True),
    ],
)
def test_every_code_has_its_meaning_in_http_and_in_the_body(
    status: int, error: type, passing: bool, untouched: bool
) -> None:
    """A refusal may stand in the HTTP status or in the body of a 200; both mean the same."""
    for given in (
        answer({"status": status, "message": "no."}, status),
        answer({"status": status, "message": "no."}),
    ):
        outcome = read(given)
        assert isinstance(outcome, Refused)
        assert type(outcome.error) is error
        assert (outcome.passing, outcome.untouched) == (passing, untouched)
        assert "no" in outcome.error.what


def test_a_gateway_without_json_is_still_an_error_with_its_code() -> None:
    """A 502 page of HTML becomes a service error, not a crash of the reader."""
    outcome = read(Answer(502, {}, b"<html>bad gateway</html>"))
    assert isinstance(outcome, Refused)
    assert outcome.error.code == "502"


def test_free_text_of_the_service_is_one_short_printable_line() -> None:
    """A message cannot bring line breaks, escapes or a megabyte into a cell."""
    outcome = read(answer({"status": 400, "message": "a\n\x1b[31mb" + "c" * 9999}, 400))
    assert len(outcome.error.what) < 300
    assert "\x1b" not in outcome.error.what


def test_prices_are_the_documented_ones_or_unknown() -> None:
    """Enhancement costs by the long side; object retouching is not on the price page."""
    assert Enhance(PHOTO).price().credits == 2
    assert Enhance(np.zeros((20, 2049, 3), np.uint8)).price().credits == 3
    assert RetouchObject(PHOTO, SPOT).price() == Price(None)
    assert str(RetouchObject(PHOTO, SPOT).price()) == "unknown"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (lambda: Enhance(np.zeros((20, 513, 3), np.uint8), scale_factor=4), "up to 512 px"),
        (lambda: Enhance(LINK), "size could not be checked"),
        (lambda: RetouchObject(PHOTO, SPOT, type=5, line_strength=3), "no effect"),
        (lambda: RetouchObject(PHOTO, SPOT, retain_mask=SPOT), "nothing will change"),
    ],
)
def test_what_is_accepted_and_may_not_be_meant_is_warned_of(operation, words: str) -> None:
    """A warning is a sentence, not an error."""
    assert words in " ".join(operation().warnings())


@pytest.mark.parametrize("status", [201, 202, 204, 300, 302, 303])
def test_a_status_that_is_no_refusal_may_have_been_paid(status: int) -> None:
    """Only 4xx says that nothing was taken; what says neither yes nor no is not trusted, and names its task."""
    started = {"status": 200, "data": {"task_id": "t-1"}}
    for given in (answer(started, status), answer({**started, "status": status})):
        with pytest.raises(ProtocolError, match=str(status)) as caught:
            read(given)
        assert (caught.value.code, caught.value.ticket) == (str(status), "t-1")


@pytest.mark.parametrize("status", ["ok", 0, None, -1, 1e308])
def test_a_status_that_is_none_names_its_task_all_the_same(status: object) -> None:
    """A service that changes its word for success has started a task, which is followed."""
    with pytest.raises(ProtocolError) as caught:
        read(answer({"status": status, "data": {"task_id": "t-1"}}))
    assert caught.value.ticket == "t-1"


@pytest.mark.parametrize("status", [301, 307, 308])
def test_an_address_that_has_moved_took_nothing(status: int) -> None:
    """These say that the request is to be made elsewhere."""
    outcome = read(Answer(status, {"location": "https://elsewhere.example"}, b""))
    assert isinstance(outcome, Refused)
    assert outcome.untouched
    assert "no longer at this address" in outcome.error.what


def test_a_failure_that_names_a_task_carries_it() -> None:
    """A server error after the task was written down is not the end of it."""
    outcome = read(answer({"status": 500, "data": {"task_id": "t-1"}}, 500))
    assert isinstance(outcome, Refused)
    assert (outcome.error.ticket, outcome.untouched) == ("t-1", False)


def test_a_task_is_gone_by_the_services_own_word_alone() -> None:
    """A page of 404 that a gateway shows for a minute would otherwise end what was paid for, and the next run pay again."""
    page = Enhance.detached().read(Answer(404, {}, b"<html>Not Found</html>"), "t-1")
    assert isinstance(page, Refused)
    assert page.passing
    told = Enhance.detached().read(answer({"status": 404, "message": "no such task"}, 404), "t-1")
    assert isinstance(told, Refused)
    assert isinstance(told.error, ResultExpiredError)
    assert not told.passing
    start = read(Answer(404, {}, b"<html>Not Found</html>"))
    assert isinstance(start, Refused)
    assert not start.passing
