import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from retouch_nb.engine.forms import Form, read_form
from retouch_nb.engine.refusals import Refusal

MULTIPART = "multipart/form-data; boundary=x"
URLENCODED = "application/x-www-form-urlencoded"
BODY = (
    b'--x\r\nContent-Disposition: form-data; name="image_file"; filename="a.png"\r\n\r\nPNG\r\n'
    b'--x\r\nContent-Disposition: form-data; name="sync"\r\n\r\n1\r\n--x--\r\n'
)


def upload(data: bytes = b"PNG", name: str = "a.png") -> UploadFile:
    """Give an uploaded file."""
    return UploadFile(io.BytesIO(data), size=len(data), filename=name)


def form(**fields: str | UploadFile) -> Form:
    """Give a form of these fields."""
    return Form(FormData(list(fields.items())))


def request(
    body: bytes, kind: str, *, piece: int = 7, silent: bool = False, **headers: str
) -> tuple[Request, list[int]]:
    """Give a request that arrives in pieces, and a list that counts them."""
    pieces, taken = [body[i : i + piece] for i in range(0, len(body), piece)], [0]

    async def receive() -> dict[str, Any]:
        if silent:
            await asyncio.Event().wait()
        taken[0] += 1
        more = taken[0] < len(pieces)
        return {"type": "http.request", "body": pieces[taken[0] - 1], "more_body": more}

    raw = [(b"content-type", kind.encode())]
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": raw, "app": None}
    return Request(scope, receive), taken


def read(asked: Request, *, limit: int = 10_000, seconds: float = 5.0) -> Form:
    """Read a form."""

    async def reading() -> Form:
        return await read_form(asked, limit=limit, seconds=seconds)

    return asyncio.run(reading())


def refused(act: Callable[[], object]) -> tuple[int, str]:
    """Give status and message of a refusal."""
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.status, str(caught.value)


def test_both_kinds_of_form_are_read() -> None:
    """Files come in multipart forms, text in either."""
    found = read(request(BODY, MULTIPART)[0])
    assert found.integer("sync", (0, 1)) == 1
    file = found.file("image_file")
    assert file and file.file.read() == b"PNG"
    found.close()
    assert file.file.closed
    assert read(request(b"image_url=http%3A%2F%2Fa", URLENCODED)[0]).text("image_url") == "http://a"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_any_other_body_is_refused_with_the_kind_to_send(kind: str) -> None:
    """A JSON body is not read as an empty form."""
    status, message = refused(lambda: read(request(b"{}", kind)[0]))
    assert status == 400
    assert "multipart/form-data" in message


def test_a_declared_body_over_the_limit_is_refused_unread() -> None:
    """What says it is too large is believed."""
    asked, taken = request(BODY, MULTIPART, content_length="10001")
    assert refused(lambda: read(asked))[0] == 413
    assert taken == [0]


def test_an_undeclared_body_over_the_limit_is_refused_while_it_arrives() -> None:
    """A sender without a length, or with a wrong one, is stopped at the limit and not after it."""
    asked, taken = request(BODY, MULTIPART, content_length="5")
    assert refused(lambda: read(asked, limit=70))[0] == 413
    assert taken == [11]


def test_a_body_that_does_not_arrive_is_refused_in_time() -> None:
    """A half-open upload holds nothing for ever."""
    asked, _ = request(BODY, MULTIPART, silent=True)
    assert refused(lambda: read(asked, seconds=0.01))[0] == 408


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BODY, "multipart/form-data"),
        (b"rubbish without a boundary", MULTIPART),
        (BODY[:-20].replace(b"name=", b"nome="), MULTIPART),
    ],
)
def test_a_form_that_cannot_be_read_is_the_senders_mistake(body: bytes, kind: str) -> None:
    """Broken framing is a 400 and never a 500; Starlette words some of it in its own exception."""
    with pytest.raises(Exception) as caught:
        read(request(body, kind)[0])
    assert getattr(caught.value, "status", None) or getattr(caught.value, "status_code", 0) == 400


def test_a_field_sent_twice_is_refused_and_closed_all_the_same() -> None:
    """Which of two was meant is not guessed."""
    found = read(request(BODY.replace(b"sync", b"image_file"), MULTIPART)[0])
    expected = (400, "image_file was sent more than once.")
    assert refused(lambda: found.file("image_file")) == expected
    found.close()


def test_empty_text_counts_as_not_sent() -> None:
    """The pages say of some fields that they must be empty, so empty is allowed."""
    blank = form(image_url="", scale_factor=" ", image_file="")
    assert blank.text("image_url") is None
    assert blank.file("image_file") is None
    assert blank.integer("scale_factor", (1, 2, 4)) is None
    assert form(image_file=upload(b"", name="")).file("image_file") is None


def test_files_and_text_are_not_taken_for_each_other() -> None:
    """A path sent as text is the usual slip with curl, and is named."""
    status, message = refused(lambda: form(image_file="a.png").file("image_file"))
    assert status == 400
    assert "-F image_file=@" in message
    assert refused(lambda: form(image_url=upload()).text("image_url"))[0] == 400


@pytest.mark.parametrize("text", ["3", "-1", "2.0", "1e0", "one", "１", "1_0", "9" * 5000])
def test_an_integer_is_decimal_digits_of_an_allowed_value(text: str) -> None:
    """Numbers of other spellings are refused, with what is accepted."""
    status, message = refused(lambda: form(scale_factor=text).integer("scale_factor", (1, 2, 4)))
    assert (status, message) == (400, "scale_factor must be one of 1, 2, 4.")


def test_a_number_is_within_its_range() -> None:
    """Both ends count, fractions are numbers, and the default is for what was not sent."""
    given = form(a="0", b="100", c="37.5")
    assert [given.number(name, (0, 100), default=60) for name in "abcd"] == [0, 100, 37.5, 60]


@pytest.mark.parametrize("text", ["100.1", "-1", "nan", "inf", "1e2", "0x10", "٣"])
def test_a_number_outside_its_range_or_spelling_is_refused(text: str) -> None:
    """Nothing that float() would take beyond plain decimals gets through."""
    assert refused(lambda: form(n=text).number("n", (0, 100), default=0))[0] == 400


def test_a_word_is_one_of_the_listed() -> None:
    """Case counts."""
    assert form(type="face").word("type", ("clean", "face")) == "face"
    assert refused(lambda: form(type="Face").word("type", ("clean", "face")))[0] == 400


def test_broken_json_is_refused_with_line_and_column() -> None:
    """The message points at the place."""
    assert form(r="[1, 2]").json("r") == [1, 2]
    assert form().json("r") is None
    status, message = refused(lambda: form(r="[1,\n oops]").json("r"))
    assert status == 400
    assert "line 2, column 2" in message


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 10_000])
def test_json_made_to_hurt_is_refused(text: str) -> None:
    """Nesting and digits beyond Python's patience are the sender's mistake."""
    assert refused(lambda: form(r=text).json("r"))[0] == 400


@given(st.text(max_size=40))
def test_no_text_crashes_a_field(text: str) -> None:
    """Whatever is sent, a field is read or refused."""
    for read_field in (
        lambda f: f.integer("x", (0, 1)),
        lambda f: f.number("x", (0, 100), default=0),
        lambda f: f.word("x", ("a",)),
        lambda f: f.json("x"),
    ):
        try:
            read_field(form(x=text))
        except Refusal as refusal:
            assert refusal.status == 400


@pytest.mark.parametrize("codec", ["punycode", "idna", "utf-7", "utf-16", "unicode_escape"])
def test_text_is_utf_8_and_nothing_else(codec: str) -> None:
    """A sender does not choose with which codec of Python the engine spends its minutes."""
    kind = f"{MULTIPART}; charset={codec}"
    assert refused(lambda: read(request(BODY, kind)[0])) == (400, "Send text as UTF-8.")
    assert read(request(BODY, f"{MULTIPART}; charset=UTF-8")[0]).integer("sync", (0, 1)) == 1
