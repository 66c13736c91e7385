"""What tests and the examples of docstrings share: no key and no home of the person who runs them."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run as a newcomer: no keys, no addresses, a home that vanishes."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("PICWISH_", "AILAB_", "RETOUCH")):
            del os.environ[name]
    os.environ["RETOUCH_NB_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    os.environ.clear()
    os.environ.update(before)
