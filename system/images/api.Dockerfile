# The API, at most 200 MB. The build context is the folder of the project.
FROM python:3.13-slim AS build
COPY system/images/api-requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes \
      --target /app/packages --requirement /tmp/requirements.txt
# Only what the API imports: every module in the image works there.
COPY system/*.py /app/system/
COPY system/api /app/system/api
COPY system/db/__init__.py system/db/store.py /app/system/db/
# The root file system is read-only where this runs: byte code is made here or at every start. Its validity does not hang
# on file times, which a COPY may change.
RUN find /app -name __pycache__ -prune -exec rm -r {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /app

# No shell, no package manager; Python is /usr/bin/python3.13.
FROM gcr.io/distroless/python3-debian13:nonroot
ARG VERSION
ARG REVISION
ARG SOURCE_DIGEST
LABEL org.opencontainers.image.title="voting-api" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      votecheck.source-digest="${SOURCE_DIGEST}"
COPY --from=build /app /app
ENV PYTHONPATH=/app:/app/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/usr/bin/python3.13", "-m", "system.api"]
