"""How often the garbage collector looks."""

from __future__ import annotations

import gc

__all__ = ["relax_collector"]


def relax_collector() -> None:
    """Let the garbage collector look less often: docs/decisions/0008.

    Batches make many objects that live until the commit; at the default of 700 all of them are walked again and again
    (measured: a third of the time). Nothing here makes cycles that outlive a batch.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
