#!/usr/bin/env bash
# Does what the official image's start does with its environment: KAFKA_A_B=value becomes a.b=value, the storage is
# formatted once with CLUSTER_ID, and the broker takes the container's first process.
set -eu

config=/opt/kafka/config
: "${CLUSTER_ID:?CLUSTER_ID environment variable not set}"
[ -w "$config" ] || { echo "$config/ is not writable" >&2; exit 1; }

not_properties=" KAFKA_HEAP_OPTS KAFKA_OPTS KAFKA_JMX_OPTS KAFKA_LOG4J_OPTS KAFKA_GC_LOG_OPTS KAFKA_JVM_PERFORMANCE_OPTS KAFKA_VERSION "
: > "$config/server.properties"
for name in $(compgen -e); do
    case "$name" in
        KAFKA_*)
            case "$not_properties" in *" $name "*) continue ;; esac
            key=$(printf %s "${name#KAFKA_}" | tr '[:upper:]' '[:lower:]' | sed -e 's/___/-/g' -e 's/__/\n/g' -e 's/_/./g' -e 's/\n/_/g')
            printf '%s=%s\n' "$key" "${!name}" >> "$config/server.properties"
            ;;
    esac
done

logger="-Dorg.slf4j.simpleLogger.defaultLogLevel"
data=$(sed -n 's/^log\.dirs=//p' "$config/server.properties")
if [ ! -f "$data/meta.properties" ]; then
    /opt/java/bin/java "$logger=error" -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format \
        "--cluster-id=$CLUSTER_ID" -c "$config/server.properties"
fi
# shellcheck disable=SC2086  # several options in one variable, as Kafka's own scripts read it
exec /opt/java/bin/java ${KAFKA_HEAP_OPTS:--Xmx1g} "$logger=info" -cp '/opt/kafka/libs/*' kafka.Kafka "$config/server.properties"
