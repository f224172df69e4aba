"""What dispatch and the worker do with an authorised plan; each function one action, safe to run again.

`sending` runs in the dispatch process, whose database role alone may insert signals. `responding` and `measuring` run
in the worker, which may neither vote nor send.
"""

from dispatch.operations.measuring import measure_events
from dispatch.operations.responding import simulate_responses
from dispatch.operations.sending import (
    Round,
    carry_out_aborts,
    claim_authorised,
    complete_due,
    note_receipts,
    run_once,
    send_queued,
    start_due,
)

__all__ = [
    "Round",
    "carry_out_aborts",
    "claim_authorised",
    "complete_due",
    "measure_events",
    "note_receipts",
    "run_once",
    "send_queued",
    "simulate_responses",
    "start_due",
]
