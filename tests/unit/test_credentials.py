import copy
import pickle
import traceback
from typing import Any

import pytest

from retouch_nb.credentials import Credentials, Environment, Secret
from retouch_nb.errors import CredentialsError, MissingExtraError
from retouch_nb.providers.picwish import PICWISH

KEY = "canary-7f3a9c51"


class Ring:
    """A keyring in memory that counts how often it is asked."""

    def __init__(self, held: str | None = None, broken: bool = False) -> None:
        self.held = held
        self.broken = broken
        self.asked = 0

    def get_password(self, service_name: str, username: str) -> str | None:
        self.asked += 1
        if self.broken:
            raise RuntimeError("locked")
        return self.held

    def set_password(self, service_name: str, username: str, password: str) -> None:
        if self.broken:
            raise RuntimeError(f"cannot store {password}")
        self.held = password

    def delete_password(self, service_name: str, username: str) -> None:
        self.held = None


def nothing(name: str) -> str | None:
    """Be a Colab without secrets."""
    return None


def credentials(
    environ: dict[str, str] | None = None, colab: Any = nothing, ring: Ring | None = None
) -> Credentials:
    """Look only where the test says."""
    return Credentials({} if environ is None else environ, colab=colab, keyring=lambda: ring)


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "%s".__mod__, lambda s: str([s]), lambda s: f"{s!r:>20}"],
)
def test_a_key_is_never_shown(show: Any) -> None:
    """However it is printed, stars come out."""
    assert KEY not in show(Secret(KEY))
    assert "*" in show(Secret(KEY))


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_neither_pickled_nor_copied(keep: Any) -> None:
    """Ways in which a key would end up in a file are shut."""
    with pytest.raises(TypeError):
        keep(Secret(KEY))


@pytest.mark.parametrize("text", ["", "  ", "two words", "line\nend", "schlüssel", "tab\tbed"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(text: str) -> None:
    """A library would put a bad header into its error message; it never gets that far."""
    with pytest.raises(CredentialsError) as caught:
        Secret(text)
    assert not text.strip() or text.strip() not in str(caught.value)


def test_space_around_a_key_is_a_copying_mistake() -> None:
    """A line end that came along is taken off."""
    assert Secret(f" {KEY}\n").reveal() == KEY


def test_a_key_is_blotted_out_of_answers() -> None:
    """Services repeat keys in their messages; short keys of test servers are left, or words would vanish."""
    assert Secret(KEY).hide(f"bad key {KEY}!".encode()) == b"bad key ********!"
    assert Secret("free").hide(b"freedom") == b"freedom"


def test_keys_are_looked_for_in_order() -> None:
    """Environment, then Colab, then keyring, then what was typed; `where` says which."""
    ring = Ring("from-keyring")
    everything = credentials({"PICWISH_API_KEY": "from-environ"}, lambda name: "from-colab", ring)
    everything.login(PICWISH, "from-login")
    assert everything.need(PICWISH).reveal() == "from-environ"
    assert everything.where(PICWISH) == "environment variable PICWISH_API_KEY"
    colab = credentials({}, lambda name: f"colab-{name}", ring)
    assert colab.need(PICWISH).reveal() == "colab-PICWISH_API_KEY"
    assert colab.where(PICWISH) == "Colab secret PICWISH_API_KEY"
    assert credentials(ring=ring).need(PICWISH).reveal() == "from-keyring"
    typed = credentials()
    typed.login(PICWISH, "from-login")
    assert typed.need(PICWISH).reveal() == "from-login"
    assert typed.where(PICWISH) == "login of this session"


def test_a_missing_key_names_the_places() -> None:
    """The error says which variable, which command and which page; and that the engine needs none."""
    with pytest.raises(CredentialsError) as caught:
        credentials().need(PICWISH)
    for word in ("PICWISH_API_KEY", "login picwish", PICWISH.key_page, "local"):
        assert word in str(caught.value)
    assert credentials().find(PICWISH) is None
    assert credentials().where(PICWISH) == ""


def test_an_empty_variable_is_no_key() -> None:
    """`PICWISH_API_KEY=` means that there is none."""
    assert credentials({"PICWISH_API_KEY": " "}).find(PICWISH) is None


def test_a_person_is_asked_once() -> None:
    """What the keyring or Colab gave is not asked for again, and the environment still comes first."""
    ring = Ring("from-keyring")
    environ: dict[str, str] = {}
    found = credentials(environ, ring=ring)
    assert [found.need(PICWISH).reveal() for _ in range(3)] == ["from-keyring"] * 3
    assert ring.asked == 1
    environ["PICWISH_API_KEY"] = "from-environ"
    assert found.need(PICWISH).reveal() == "from-environ"


def test_a_broken_keyring_is_as_good_as_none() -> None:
    """A locked keyring must not stand in the way of the key that was typed."""
    found = credentials(ring=Ring(broken=True))
    found.login(PICWISH, KEY)
    assert found.need(PICWISH).reveal() == KEY


def test_login_says_where_the_key_went_and_what_comes_before_it() -> None:
    """The sentence is true and never holds the key."""
    ring = Ring()
    assert credentials().login(PICWISH, KEY) == "Kept until the kernel ends."
    assert credentials(ring=ring).login(PICWISH, KEY, remember=True) == "Kept in the keyring."
    assert ring.held == KEY
    before = credentials({"PICWISH_API_KEY": "other-key"})
    assert before.login(PICWISH, KEY) == (
        "Kept, but the environment variable PICWISH_API_KEY comes first."
    )


def test_remembering_needs_a_keyring() -> None:
    """Without one the error says how to get it; with a broken one it does not repeat the key."""
    with pytest.raises(MissingExtraError, match="keyring"):
        credentials().login(PICWISH, KEY, remember=True)
    with pytest.raises(CredentialsError) as caught:
        credentials(ring=Ring(broken=True)).login(PICWISH, KEY, remember=True)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_logout_forgets_everywhere() -> None:
    """Neither the session nor the keyring keeps it."""
    ring = Ring()
    found = credentials(ring=ring)
    found.login(PICWISH, KEY, remember=True)
    found.logout(PICWISH)
    assert found.find(PICWISH) is None
    assert ring.held is None


def test_keys_are_neither_copied_nor_pickled() -> None:
    """Not one alone, not all of them together, not by way of what holds them."""
    credentials = Credentials({"PICWISH_API_KEY": KEY})
    for thing in (credentials, Secret(KEY), [credentials]):
        for way in (pickle.dumps, copy.copy if thing is credentials else copy.deepcopy):
            with pytest.raises(TypeError, match="neither copied nor pickled"):
                way(thing)


@pytest.mark.parametrize("text", [f"{KEY} x", f"{KEY}\u201d", f"{KEY}\nX-Admin: 1"])
def test_what_was_typed_wrong_is_in_no_frame(text: str) -> None:
    """A key with a stray character is a key: tools that show the variables of a traceback find none of ours."""
    keep = credentials()
    with pytest.raises(CredentialsError) as caught:
        keep.login(PICWISH, text)
    frames = traceback.walk_tb(caught.value.__traceback__)
    ours = [frame.f_locals for frame, _ in frames if frame.f_code.co_filename != __file__]
    assert ours
    assert KEY not in repr(ours)


def test_the_environment_is_not_shown() -> None:
    """Whatever prints a session or its variables prints no key, and sees changes all the same."""
    variables = {"PICWISH_API_KEY": KEY}
    environment = Environment(variables)
    assert KEY not in f"{environment} {environment!r} {vars(credentials(variables))}"
    variables["HOME"] = "/home/ada"
    assert (environment["HOME"], dict(environment)) == ("/home/ada", variables)
