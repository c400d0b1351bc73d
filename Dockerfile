# The service alone, from its wheel, as a user without rights. While auth is "off" it listens on loopback only: run it with the
# host's network (compose.yaml).
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY locks locks
COPY adapter adapter
COPY mappings mappings
COPY openapi openapi
COPY profiles profiles
RUN python -m venv /opt/stafett \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r locks/build.txt \
    && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/stafett/bin/pip install --no-cache-dir --require-hashes -r locks/run.txt \
    && /opt/stafett/bin/pip install --no-cache-dir --no-deps /wheel/*.whl \
    && /opt/stafett/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/stafett stafett
COPY --from=build /opt/stafett /opt/stafett
ENV PATH=/opt/stafett/bin:$PATH PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/stafett
USER 10001
VOLUME /var/lib/stafett
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["stafett"]
CMD ["serve"]
