"""Follows the alerts' stream from its beginning in a thread of its own."""

import queue
import threading
from types import TracebackType
from typing import Final, Self

from tocsin_cli.demo.tally import SeenAlert
from tocsin_cli.show.alerts import name_change
from tocsin_cli.subscribe.alert_stream import AlertStream
from tocsin_cli.subscribe.follow_alerts import read_alert
from tocsin_cli.subscribe.stop_cleanly import Stopped, StopRequest
from tocsin_contracts.alert import Status
from tocsin_contracts.settings import RedisSettings

_BATCH: Final = 100


class AlertWatcher:
    """Every revision of every alert, in the order of the stream.

    While Redis is away it waits; `drain` raises what it could not wait out: StreamRefused, UnreadableMessage.
    """

    def __init__(self, settings: RedisSettings, *, at_most_s: float) -> None:
        self._stop = StopRequest(at_most_s)
        self._stream = AlertStream(settings, self._stop, notice=lambda _: None)
        self._found: queue.SimpleQueue[SeenAlert | Exception] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="demo-alerts", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        # One blocking read lasts about two seconds.
        self._thread.join(timeout=5)
        self._stream.close()

    def drain(self) -> list[SeenAlert]:
        """Return what has come since the last call."""
        found = []
        while not self._found.empty():
            item = self._found.get()
            if isinstance(item, Exception):
                raise item
            found.append(item)
        return found

    def _follow(self) -> None:
        position = "0-0"
        levels: dict[str, int] = {}
        try:
            while not self._closing.is_set():
                for entry in self._stream.after(position, _BATCH):
                    alert = read_alert(entry)
                    change = name_change(alert, levels.get(alert.alert_id))
                    if alert.status is Status.FIRING:
                        levels[alert.alert_id] = alert.level
                    self._found.put(SeenAlert(entry.stream_id, alert, change))
                    position = entry.stream_id
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - handed over to the thread that drains
            self._found.put(error)
