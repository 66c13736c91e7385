"""``python -m retouch_nb``: see `retouch_nb.cli`."""

from retouch_nb.cli import main

raise SystemExit(main())
