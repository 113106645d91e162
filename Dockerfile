# One image for every task: `serve`, `project`, `migrate` and the rest of the command line.
# Debian, not Alpine: musl gives threads a stack on which deeply nested JSON crashes the decoder.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv /opt/coopschool \
    && /opt/coopschool/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/run.txt \
    && python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY coopschool coopschool
COPY projections projections
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/coopschool/bin/pip install --no-cache-dir --no-deps --no-index /dist/*.whl

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="coopschool" org.opencontainers.image.licenses="AGPL-3.0-or-later"
COPY --from=build /opt/coopschool /opt/coopschool
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin coopschool \
    && install -d -o 10001 -g 10001 -m 700 /var/lib/coopschool
ENV PATH=/opt/coopschool/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/empty
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["coopschool"]
CMD ["--help"]
