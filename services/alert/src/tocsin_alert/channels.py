"""The pub/sub channels that an alert is announced on."""

from tocsin_contracts.alert import AlertV1
from tocsin_contracts.media_topics import topic_slug


def channels_of(alert: AlertV1, prefix: str) -> list[str]:
    """Return the channels: all alerts, one per level, topic and place.

    `…:level:3` carries every alert of level 3 *or higher*: one subscription is a threshold, and a war that breaks out
    at once reaches those who asked for level 3. An alert's level never falls and its topics and places only grow, so
    whoever hears it fire also hears it resolve.
    """
    base = f"{prefix}alerts"
    return [
        base,
        *(f"{base}:level:{level}" for level in range(alert.level + 1)),
        *(f"{base}:topic:{topic_slug(topic)}" for topic in alert.topics),
        *(f"{base}:place:{place}" for place in alert.places),
    ]
