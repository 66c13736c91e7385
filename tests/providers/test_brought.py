"""What other packages bring through entry points."""

from importlib.metadata import EntryPoint

import pytest

from retouch_nb.providers import brought
from retouch_nb.providers.picwish import Enhance


def entry(value: str) -> EntryPoint:
    return EntryPoint("sepia", value, "retouch_nb")


@pytest.mark.parametrize(
    "value",
    [
        "no_such_package:Sepia",
        "json:Sepia",
        "json:loads",
        "retouch_nb.contract:Operation",
        "this is no value",
    ],
)
def test_a_broken_operation_is_named_and_the_others_work(value: str) -> None:
    """Somebody else's mistake does not take away the magics of this package."""
    with pytest.warns(UserWarning, match="'sepia' is left out"):
        found = list(brought([entry(value), entry("retouch_nb.providers.picwish:Enhance")]))
    assert found == [Enhance]
