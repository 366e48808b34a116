# Stands in for the official Kafka image: the locked jars and a Java runtime, with the user, the volumes, the paths and
# the treatment of KAFKA_… variables that the official image has.
FROM tocsin-standin-debian
COPY java /opt/java
COPY jars /opt/kafka/libs
COPY run-kafka.sh /etc/kafka/docker/run
RUN useradd --uid 1000 --create-home --home-dir /home/appuser --shell /bin/bash appuser \
    && mkdir -p /opt/kafka/config /opt/kafka/logs /var/lib/kafka/data /mnt/shared/config /etc/kafka/secrets \
    && chown -R appuser:appuser /opt/kafka/config /opt/kafka/logs /mnt/shared/config \
    && chown -R appuser:root /var/lib/kafka /etc/kafka/secrets \
    && chmod 0755 /etc/kafka/docker/run
USER appuser
EXPOSE 9092
VOLUME ["/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"]
CMD ["/etc/kafka/docker/run"]
