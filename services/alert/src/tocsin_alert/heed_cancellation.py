"""Ends a loop whose cancellation got lost on the way."""

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError when the running task was asked to end.

    A client's timeout that runs out at the moment of the cancellation turns it into an error that looks worth a retry
    (seen with redis-py after the event loop was held up for longer than the socket timeout); a loop that waits and
    retries would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
