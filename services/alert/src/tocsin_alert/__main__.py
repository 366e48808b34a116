"""Runs the alert service: `python -m tocsin_alert`."""

import sys

import structlog

from tocsin_alert.commit import GroupStore
from tocsin_alert.handle_classified import SERVICE, ClassifiedHandler
from tocsin_alert.kafka_sender import KafkaSender
from tocsin_alert.moments import wall_clock
from tocsin_alert.redis_client import connect
from tocsin_alert.relay import AlertRelay
from tocsin_alert.resolve_quiet import QuietResolver
from tocsin_alert.rules_file import BadRules, read_rules
from tocsin_alert.settings import AlertSettings
from tocsin_contracts.logs import configure_logs
from tocsin_contracts.settings import EXIT_BAD_SETTINGS, load_settings
from tocsin_contracts.topics import CLASSIFIED
from tocsin_contracts.worker import run_worker


def main() -> int:
    """Work until SIGTERM or SIGINT; exit code 0 after a clean stop, 2 for wrong settings or rules."""
    settings = load_settings(AlertSettings)
    try:
        rules = read_rules(settings.rules_file)
    except BadRules as error:
        print(f"TOCSIN_RULES_FILE: the rules cannot be used\n{error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    try:
        client, relay_client = connect(settings), connect(settings)
    except ValueError as error:
        print(f"TOCSIN_REDIS_URL: {error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    configure_logs(settings, SERVICE)
    log = structlog.get_logger(__name__)
    for rule in rules:
        log.info("rule", name=rule.name, version=rule.version)
    store = GroupStore(client, settings.redis_prefix, stream_max_entries=settings.alert_stream_max_entries)
    resolver = QuietResolver(store, rules, clock=wall_clock, every_s=settings.alert_timer_every_s)
    relay = AlertRelay(
        relay_client,
        KafkaSender(settings.kafka_bootstrap_servers),
        redis_prefix=settings.redis_prefix,
        topic_prefix=settings.topic_prefix,
        lease_s=settings.alert_relay_lease_s,
    )
    return run_worker(
        service=SERVICE,
        source=CLASSIFIED,
        handler=ClassifiedHandler(store, rules, topic_prefix=settings.topic_prefix, clock=wall_clock),
        settings=settings,
        health_host=settings.alert_health_host,
        health_port=settings.alert_health_port,
        background=(resolver.run, relay.run),
    )


if __name__ == "__main__":
    sys.exit(main())
