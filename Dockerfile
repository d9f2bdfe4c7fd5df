# The same `reconciler run`, in a small image, as a user without rights.
#   docker build --tag reconciler .
#   docker run --publish 127.0.0.1:8080:8080 --volume ./specs:/specs:ro --volume state:/state reconciler
FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY reconciler ./reconciler
RUN python -m venv /opt/reconciler \
    && /opt/reconciler/bin/pip install --no-cache-dir --constraint constraints.txt ".[postgres]"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="reconciler" \
      org.opencontainers.image.licenses="Apache-2.0"
# git follows a repository (run --git), ssh and its signatures with it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /state --shell /usr/sbin/nologin reconciler \
    && install --directory --owner reconciler --mode 0700 /state
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RECONCILER_STATE_DIR=/state/.reconciler
USER reconciler
WORKDIR /state
VOLUME /state
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# The container listens inside its own network; TLS is the business of the proxy in front.
ENTRYPOINT ["reconciler"]
CMD ["run", "/specs", "--bind", "0.0.0.0:8080", "--behind-proxy"]
