"""What is raised when a server ingest cannot work without does not answer. Always worth a retry later."""


class Away(Exception):
    """Kafka or Redis does not answer. Nothing was remembered, so everything may and must be sent again."""


class KafkaAway(Away):
    """Kafka did not acknowledge within the time allowed."""


class RedisAway(Away):
    """Redis did not answer within the time allowed."""
