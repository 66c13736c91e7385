"""A sweep at a service that is paid: what it has cost counts against its cap, whatever is asked of it later."""

from pathlib import Path

import httpx
import pytest

from retouch_nb.errors import BudgetError
from retouch_nb.providers.picwish import Enhance
from retouch_nb.sweep import Grid, laid_out, prepared
from tests.contract.test_batch import AtService, Service, photos


def test_extensions_and_retries_share_the_cap(home: Path) -> None:
    """Results and lost answers count once; what was lost is not sent again by a retry, and an extension has what is left."""
    service = Service()
    service.plans = [None, httpx.ReadError("gone")]
    session = AtService(home, service)
    named = {"photo": photos(1)[0], "scale_factor": [1, 2]}
    grid = prepared(laid_out(Enhance, named), session, max_credits=7, concurrency=1)
    assert isinstance(grid, Grid)
    grid.run()
    assert [tile.state for tile in grid.tiles] == ["done", "failed"]
    assert grid.outcomes.spent == 4
    grid.retry()
    assert (grid.outcomes.spent, len(service.accepted)) == (4, 1)
    with pytest.raises(BudgetError, match="of which 4 are spent"):
        grid.extend(type=["clean", "face"])
    assert len(service.accepted) == 1
    session.close()
