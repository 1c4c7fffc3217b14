# rawshake for lab containers:
#     docker run --rm --network container:web IMAGE teardown 127.0.0.1 80
# Docker's default capabilities are enough: root in a container has CAP_NET_RAW.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv
WORKDIR /src
RUN python3 -m venv --without-pip /opt/rawshake && python3 -m venv /opt/pip
COPY pyproject.toml README.md LICENSE ./
COPY rawshake rawshake
# pip serves from outside the environment, so that it is not shipped in it.
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT
RUN /opt/pip/bin/pip --python /opt/rawshake/bin/python install --no-cache-dir --no-compile . \
 # Half of zstandard, 12 MB, serves PyPy only.
 && rm -f /opt/rawshake/lib/python3*/site-packages/zstandard/_cffi*.so \
 # Compiled is twice as big and starts faster: only what rawshake loads.
 && /opt/rawshake/bin/python -m compileall -q --invalidation-mode unchecked-hash \
    -x 'scapy/(contrib|modules|tools)/|pygments/' /opt/rawshake/lib

FROM ${BASE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY --from=build /opt/rawshake /opt/rawshake
ENV PATH=/opt/rawshake/bin:$PATH
ENTRYPOINT ["rawshake"]
