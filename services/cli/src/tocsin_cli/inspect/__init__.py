"""`tocsin inspect`: what is on a Kafka topic, without disturbing the services that read it."""
