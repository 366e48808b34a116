# Healthcheck of Kafka: does the broker answer a request? A Java tool would cost seconds of processor time each time;
# this sends the smallest request of Kafka's protocol, ApiVersions version 0 with correlation id 1, and looks for the
# correlation id in the answer. It is answered by the broker's request handlers, which a mere open port is not.
exec 3<>/dev/tcp/127.0.0.1/9092 || exit 1
#       length 10       ApiVersions  version 0  correlation 1     no client id
printf '\000\000\000\012\000\022\000\000\000\000\000\001\377\377' >&3
answer=$(timeout 5 head -c 8 <&3 | od -An -tx1 | tr -d ' \n')
case "$answer" in
    ????????00000001) exit 0 ;;
    *) echo "no answer: '$answer'" >&2; exit 1 ;;
esac
