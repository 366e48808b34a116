# Starts Valkey with users made from passwords in the environment: the image has no variables for them. The file of
# users holds hashes and lives in memory only.
set -eu
umask 077
users=/tmp/users.acl

# usable NAME VALUE: a password stands in a URL, and must not be guessable.
usable() {
    case "$2" in
        *[!A-Za-z0-9_-]*) echo "$1 may hold letters, digits, - and _ only" >&2; exit 2 ;;
    esac
    if [ "${#2}" -lt 32 ]; then
        echo "$1 has ${#2} characters, it needs at least 32; openssl rand -hex 32 makes some" >&2
        exit 2
    fi
}

hash_of() {
    printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

usable TOCSIN_REDIS_PASSWORD "$TOCSIN_REDIS_PASSWORD"
{
    # Nobody can be this user: off, without a password. It keeps its permissions because the append-only file is replayed
    # in its name: without them, every transaction and script in it is dropped (valkey-io/valkey issue 3983; seen with
    # Redis 7.0 too), and a restart loses almost everything.
    echo "user default reset off ~* &* +@all"
    # The services: their own keys and channels, nothing that administers the server. They look up how it writes to
    # disk with CONFIG GET.
    echo "user tocsin on #$(hash_of "$TOCSIN_REDIS_PASSWORD") ~tocsin:* &tocsin:* +@all -@admin -@dangerous +info +config|get"
    if [ -n "${TOCSIN_SUBSCRIBER_PASSWORD:-}" ]; then
        usable TOCSIN_SUBSCRIBER_PASSWORD "$TOCSIN_SUBSCRIBER_PASSWORD"
        # Subscribers: read the stream of alerts, hear its channels, write nothing.
        subscriber="user subscriber on #$(hash_of "$TOCSIN_SUBSCRIBER_PASSWORD") -@all %R~tocsin:alerts &tocsin:alerts*"
        subscriber="$subscriber +@connection -@admin -@dangerous +xread +xrange +xrevrange +xlen +xinfo|stream"
        subscriber="$subscriber +subscribe +psubscribe +unsubscribe +punsubscribe"
        if [ "${TOCSIN_SUBSCRIBER_CURSORS:-no}" = yes ]; then
            # Named cursors (tocsin subscribe --cursor) are moved by a script.
            subscriber="$subscriber ~tocsin:cursor:* +get +set +eval"
        fi
        echo "$subscriber"
    fi
} > "$users"
unset TOCSIN_REDIS_PASSWORD TOCSIN_SUBSCRIBER_PASSWORD REDISCLI_AUTH

# `appendfsync always`: an answer means that the write is on disk. When memory is full, writes are refused and the
# services wait; nothing is evicted.
exec valkey-server \
    --dir /data \
    --appendonly yes \
    --appendfsync always \
    --save "" \
    --maxmemory "$TOCSIN_REDIS_MAXMEMORY" \
    --maxmemory-policy noeviction \
    --aclfile "$users"
