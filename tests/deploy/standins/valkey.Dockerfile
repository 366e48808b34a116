# Stands in for the official Valkey image: Debian's Redis under Valkey's names, with the user, the volume and the
# entrypoint's behaviour that the official image has.
FROM tocsin-standin-debian
RUN groupmod --gid 999 redis && usermod --uid 999 --gid 999 redis \
    && ln -s /usr/bin/redis-server /usr/local/bin/valkey-server \
    && ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli \
    && mkdir /data && chown redis:redis /data
VOLUME /data
WORKDIR /data
EXPOSE 6379
CMD ["valkey-server"]
