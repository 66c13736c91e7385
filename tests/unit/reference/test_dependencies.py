from retouch_nb.reference.dependencies import PURPOSES, extra_table, extras, licences

PERMISSIVE = (
    "MIT",
    "BSD",
    "Apache",
    "ISC",
    "PSF",
    "Python Software Foundation",
    "HPND",
    "0BSD",
    "Zlib",
    "CC0",
)
ELSEWHERE = {"certifi": "Mozilla Public License", "tqdm": "MPL-2.0 AND MIT"}
"""Lists of certificates are copied, not linked; its licence binds changes to its own files alone."""


def test_whatever_an_installation_brings_is_permissive() -> None:
    """No copyleft comes with ``pip install``; the one exception is named with its reason."""
    for found in licences():
        allowed = (*PERMISSIVE, ELSEWHERE.get(found.name, "MIT"))
        assert any(word in found.licence for word in allowed), found
        assert not any(word in found.licence for word in ("GPL", "General Public", "SSPL")), found


def test_requirements_are_followed_down() -> None:
    """The list holds what httpx itself needs, and neither us nor tools for tests."""
    names = {found.name for found in licences()}
    assert {"httpx", "httpcore", "h11", "anywidget", "numpy"} <= names
    assert not {"pytest", "mypy", "retouch-nb"} & names


def test_every_extra_says_what_it_is_for() -> None:
    """An extra nobody can choose is one too many."""
    assert set(extras()) == set(PURPOSES)
    assert all(f"| `{name}` | {told} |" in extra_table() for name, told in PURPOSES.items())
