# Image of the classify service, with the default model in it.
#
#   docker build -f deploy/docker/classify.Dockerfile -t tocsin-classify .        (from the root of the repository)

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
COPY requirements/classify.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    tools/bin/uv venv --quiet --python "$(command -v python)" /opt/tocsin \
    && tools/bin/uv pip install --quiet --python /opt/tocsin/bin/python --require-hashes -r requirements/classify.txt

# What we wrote: built here with the locked backend, without looking anything up.
COPY services/contracts services/contracts
COPY services/classify services/classify
RUN tools/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation -w wheels services/contracts services/classify \
    && tools/bin/uv pip install --quiet --python /opt/tocsin/bin/python --no-deps --no-index wheels/*.whl


FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="tocsin-classify" \
      org.opencontainers.image.description="Tags articles with escalation level, direction, topics and places" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 tocsin \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tocsin
COPY --from=build /opt/tocsin /opt/tocsin
# Any directory under models/ in the Hugging Face layout can be built in instead: --build-arg MODEL=models/NAME
ARG MODEL=models/escalation-e5-small
COPY ${MODEL} /opt/tocsin-model
# The model is on the disk: whatever asks a model hub is a mistake, and the network here has no way out. ONNX Runtime is
# not to keep or send anything about us either.
ENV PATH=/opt/tocsin/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/tmp/huggingface \
    HF_HUB_OFFLINE=1 \
    TRANSFORMERS_OFFLINE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    TOCSIN_CLASSIFY_MODEL=/opt/tocsin-model
WORKDIR /opt/tocsin
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "tocsin_classify"]
