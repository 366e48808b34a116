"""Tags articles with escalation level, direction, topics and places."""
