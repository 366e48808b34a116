"""How many articles the service tagged and abstained on, for its health page and its log."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from tocsin_contracts.classified import Abstention, ClassifiedV1

LOG_EVERY_S: Final = 60.0

log = structlog.get_logger("tocsin_classify")


class AbstentionCounter:
    """Counts since the start of the process; a repeated article counts again.

    What was abstained on is logged at most once in LOG_EVERY_S, and when `flush` is called, so that a feed of cookie
    banners does not fill the log.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take a clock, in seconds."""
        self._monotonic = monotonic
        self._classified = 0
        self._reasons: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._unsaid_classified = 0
        self._said_at = monotonic()

    def add(self, tagged: Iterable[ClassifiedV1]) -> None:
        """Count articles as they were tagged."""
        for article in tagged:
            self._classified += 1
            self._unsaid_classified += 1
            if (reason := article.escalation.abstained_because) is not None:
                self._reasons[reason.value] += 1
                self._unsaid[reason.value] += 1
        if self._monotonic() - self._said_at >= LOG_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Log what has been abstained on since the last time."""
        if self._unsaid:
            log.info("abstained", classified=self._unsaid_classified, because=dict(sorted(self._unsaid.items())))
        self._unsaid.clear()
        self._unsaid_classified = 0
        self._said_at = self._monotonic()

    def facts(self) -> dict[str, object]:
        """Return the counts since the start, every reason named."""
        return {
            "classified": self._classified,
            "abstained": {reason.value: self._reasons[reason.value] for reason in Abstention},
        }
