# Image of the ingest service; its Python also creates the topics.
#
#   docker build -f deploy/docker/ingest.Dockerfile -t tocsin-ingest .        (from the root of the repository)

ARG PYTHON_IMAGE=python:3.12.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_PROGRESS=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build

# uv and the build backend, in a virtual environment of their own that stays behind in this stage.
COPY requirements/uv.txt requirements/build.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /build/tools \
    && /build/tools/bin/pip install --quiet --require-hashes -r requirements/uv.txt -r requirements/build.txt

# What others wrote, exactly as locked. This layer only changes with the lock.
COPY requirements/ingest.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    tools/bin/uv venv --quiet --python "$(command -v python)" /opt/tocsin \
    && tools/bin/uv pip install --quiet --python /opt/tocsin/bin/python --require-hashes -r requirements/ingest.txt

# What we wrote: built here with the locked backend, without looking anything up.
COPY services/contracts services/contracts
COPY services/ingest services/ingest
RUN tools/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation -w wheels services/contracts services/ingest \
    && tools/bin/uv pip install --quiet --python /opt/tocsin/bin/python --no-deps --no-index wheels/*.whl


FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="tocsin-ingest" \
      org.opencontainers.image.description="Takes articles from feeds, HTTP pushes and files onto Kafka" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 tocsin \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tocsin
COPY --from=build /opt/tocsin /opt/tocsin
ENV PATH=/opt/tocsin/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/tocsin
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["python", "-m", "tocsin_ingest"]
