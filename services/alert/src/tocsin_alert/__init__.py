"""Evaluates rules over classified articles and publishes alerts to Redis."""
