"""The local stack: Kafka, Redis and the services as processes on this machine."""
