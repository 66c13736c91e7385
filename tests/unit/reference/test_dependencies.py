import re

import pytest

from retouch_nb.reference.dependencies import extra_table, licences
from retouch_nb.requirements import PURPOSES, extras

PERMISSIVE = {
    *("MIT", "MIT License", "MIT-CMU", "HPND", "ISC", "ISC License (ISCL)", "Zlib", "CC0-1.0"),
    *("BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "0BSD"),
    *("Apache 2.0", "Apache-2.0", "Apache Software License"),
    *("PSF-2.0", "Python Software Foundation License"),
}
ELSEWHERE = {
    "certifi": {"MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"},
    "tqdm": {"MPL-2.0 AND MIT"},
}
"""Read and called, not changed: the Mozilla licence binds changes to its own files alone."""


def permissive(licence: str) -> bool:
    """Tell whether every part of an expression binds nobody; of a choice, one part is enough."""
    every = re.split(r" AND |, ", licence)
    return all(PERMISSIVE & set(part.split(" OR ")) for part in every)


def test_whatever_an_installation_brings_is_permissive() -> None:
    """No copyleft comes with ``pip install``; the two exceptions are named, with the reason."""
    for found in licences():
        assert permissive(found.licence) or found.licence in ELSEWHERE.get(found.name, ()), found


@pytest.mark.parametrize("licence", ["MPL-2.0 AND MIT", "MIT AND GPL-3.0-only", "LGPL", "not told"])
def test_one_permissive_word_does_not_free_an_expression(licence: str) -> None:
    """What is joined by AND binds together."""
    assert not permissive(licence)


def test_requirements_are_followed_down() -> None:
    """The list holds what httpx itself needs, and neither us nor tools for tests."""
    names = {found.name for found in licences()}
    assert {"httpx", "httpcore", "h11", "anywidget", "numpy"} <= names
    assert not {"pytest", "mypy", "retouch-nb"} & names


def test_every_extra_says_what_it_is_for() -> None:
    """An extra nobody can choose is one too many."""
    assert set(extras()) == set(PURPOSES)
    assert all(f"| `{name}` | {told} |" in extra_table() for name, told in PURPOSES.items())
