"""Identities of alerts: functions of what they are about, so that a repeated evaluation gives the same ones."""

from tocsin_alert.groups import group_key
from tocsin_contracts.alert import Group
from tocsin_contracts.ids import digest_id


def fingerprint_of(rule_name: str, group: Group) -> str:
    """Return the identity of a rule's group, the same for all its episodes and all versions of the rule."""
    return digest_id("fingerprint", group_key(rule_name, group))


def alert_id_of(fingerprint: str, starts_at: int) -> str:
    """Return the identity of the episode that was first announced as starting at `starts_at` (microseconds).

    A group's later episodes start later, so no two share it.
    """
    return digest_id("alert", fingerprint, str(starts_at))
