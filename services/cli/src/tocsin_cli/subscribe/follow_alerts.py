"""Follows the stream of alerts from a start to the end that the user asked for, through Redis' absences."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tocsin_cli.show.alerts import Change
from tocsin_cli.show.moments import show_moment
from tocsin_cli.subscribe.alert_stream import AlertStream, Entry
from tocsin_cli.subscribe.choose_alerts import Chooser
from tocsin_cli.subscribe.find_start import BEGINNING, id_moment, id_order
from tocsin_cli.subscribe.stop_cleanly import StopRequest
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.codec import UnreadableMessage, decode

_BATCH: Final = 100
_LOOK_BACK: Final = 200
"""Entries read before the start to learn the levels of alerts that fire already; about two megabytes at most."""
_PAUSE_WORTH_A_CHECK_S: Final = 60.0


@dataclass(frozen=True)
class Chosen:
    """An alert for the subscriber."""

    stream_id: str
    alert: AlertV1
    change: Change


class Cursor:
    """A position that is moved only after the alert before it was written out. Without a name it is not kept."""

    def __init__(self, stream: AlertStream, name: str | None, start: str, stored: str | None) -> None:
        self._stream = stream
        self._name = name
        self._stored = stored or ""
        self.position = start

    def move(self, stream_id: str) -> None:
        """Set the position, and keep it under the cursor's name. Raises CursorMovedElsewhere, Stopped."""
        self.position = stream_id
        if self._name is not None and stream_id != self._stored:
            self._stream.move_cursor(self._name, self._stored, stream_id)
            self._stored = stream_id


def open_cursor(stream: AlertStream, name: str | None, start: str | None, remark: Callable[[str], None]) -> Cursor:
    """Return the cursor `name` where it was left; a new one, or none, at `start` (None: at the stream's end).

    A new cursor is kept at once: what comes before its subscriber sees a first alert is not lost to the next start.
    """
    stored = stream.cursor(name) if name is not None else None
    if name is not None and stored is not None:
        also = "; --since holds for a new cursor only" if start is not None else ""
        remark(f"Going on after {stored}, where the cursor {name} stopped{also}.")
        return Cursor(stream, name, stored, stored)
    if start is None:
        # The end by its id, not by Redis' `$`: an alert that comes while Redis is away must be found afterwards.
        start = stream.extent().last_id
        remark(f"Waiting for new alerts on {stream.address}. Ctrl-C ends; --since 24h shows earlier ones too.")
    cursor = Cursor(stream, name, start, None)
    cursor.move(start)
    return cursor


def read_alert(entry: Entry) -> AlertV1:
    """Return the alert in a stream entry. Raises UnreadableMessage."""
    return decode(AlertV1, entry.fields.get(b"data"))


def follow_alerts(
    stream: AlertStream,
    cursor: Cursor,
    chooser: Chooser,
    write: Callable[[Chosen], None],
    remark: Callable[[str], None],
    stop: StopRequest,
    count: int | None,
) -> int:
    """Write the chosen alerts as they come and move the cursor after each; return how many when `count` are written.

    Raises Stopped when the end is asked for, StreamRefused and CursorMovedElsewhere.
    """
    _learn(stream, cursor.position, chooser)
    _report_gap(stream, cursor.position, remark)
    written, interruptions, last_read = 0, stream.interruptions, time.monotonic()
    while count is None or written < count:
        paused = time.monotonic() - last_read > _PAUSE_WORTH_A_CHECK_S
        entries = stream.after(cursor.position, _BATCH)
        if stream.interruptions != interruptions or paused:
            _report_gap(stream, cursor.position, remark)
            interruptions = stream.interruptions
        last_read = time.monotonic()
        for entry in entries:
            stop.check()
            chosen = _choose(entry, chooser, remark)
            if chosen is not None:
                write(chosen)
                written += 1
                cursor.move(entry.stream_id)
                if written == count:
                    return written
            cursor.position = entry.stream_id
        # What was passed over is passed over for good too; once a batch is enough for that.
        cursor.move(cursor.position)
    return written


def _choose(entry: Entry, chooser: Chooser, remark: Callable[[str], None]) -> Chosen | None:
    try:
        alert = read_alert(entry)
    except UnreadableMessage as error:
        remark(f"Entry {entry.stream_id} of the stream is no alert this version can read: {error}")
        return None
    change = chooser.choose(alert)
    return None if change is None else Chosen(entry.stream_id, alert, change)


def _learn(stream: AlertStream, start: str, chooser: Chooser) -> None:
    if start == BEGINNING:
        return
    for entry in stream.before(start, _LOOK_BACK):
        try:
            chooser.choose(read_alert(entry))
        except UnreadableMessage:
            # It is reported to whoever reads the stream at that place.
            continue


def _report_gap(stream: AlertStream, position: str, remark: Callable[[str], None]) -> None:
    """Say so when alerts after `position` may be gone: trimmed from the stream's beginning, or lost with its end."""
    if position == BEGINNING:
        return
    extent = stream.extent()
    if id_order(extent.last_id) < id_order(position):
        remark(
            f"The stream ends at {extent.last_id}, before {position}, where reading goes on: Redis has lost data, or "
            "TOCSIN_REDIS_URL or TOCSIN_REDIS_PREFIX names another one."
        )
    elif extent.first_id is not None and id_order(extent.first_id) > id_order(position) and not stream.has(position):
        written = id_moment(extent.first_id)
        since = f" ({show_moment(written)})" if written else ""
        remark(
            f"A gap: the stream was trimmed and begins at {extent.first_id}{since}; alerts between {position} and "
            "there are gone from it. `tocsin inspect alerts` still has them, for a year."
        )
