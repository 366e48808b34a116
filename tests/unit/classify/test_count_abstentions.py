"""Abstentions as an operator sees them."""

import pytest
from structlog.testing import capture_logs

from alert_messages import classified, moment
from tocsin_classify.count_abstentions import LOG_EVERY_S, AbstentionCounter
from tocsin_contracts.classified import Abstention, ClassifiedV1

pytestmark = pytest.mark.unit


def tagged(reason: Abstention | None) -> ClassifiedV1:
    message = classified("a", moment(0))
    escalation = message.escalation.model_copy(update={"abstained": reason is not None, "abstained_because": reason})
    return message.model_copy(update={"escalation": escalation})


def test_abstentions_are_counted_by_reason_and_logged_now_and_then() -> None:
    clock = [0.0]
    counter = AbstentionCounter(lambda: clock[0])
    with capture_logs() as lines:
        counter.add([tagged(None), tagged(Abstention.LANGUAGE), tagged(Abstention.LANGUAGE)])
        assert lines == []
        clock[0] = LOG_EVERY_S
        counter.add([tagged(Abstention.NO_NEWS)])
        counter.add([tagged(None)])
        counter.flush()
    assert [(line["classified"], line["because"]) for line in lines] == [(4, {"language": 2, "no-news": 1})]
    assert counter.facts() == {"classified": 5, "abstained": {"confidence": 0, "language": 2, "no-news": 1}}
