# The API, at most 200 MB. The build context is the project directory. Build with: votecheck images, or make images.
FROM python:3.13-slim AS build
LABEL votecheck.part="api"
WORKDIR /build
COPY system/images/api-requirements.txt system/images/slim.py ./
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --no-input --root-user-action ignore \
      --only-binary :all: --require-hashes --requirement api-requirements.txt --target packages/app/packages \
    && PYTHONHASHSEED=0 python slim.py packages
# Only what the API imports, so that every module in the image can be imported.
COPY system/*.py source/app/system/
COPY system/api source/app/system/api
COPY system/db/__init__.py system/db/store.py source/app/system/db/
ARG VERSION=unknown REVISION=unknown SOURCE_DIGEST=unknown
# In a file as well as in labels: unless a layer differs, podman reuses cached labels even if the build arguments changed.
RUN echo "voting-api ${VERSION}, revision ${REVISION}, source ${SOURCE_DIGEST}" >source/app/built-from \
    && PYTHONHASHSEED=0 python slim.py source

# No shell, no package manager; Python is /usr/bin/python3.13.
FROM gcr.io/distroless/python3-debian13:nonroot
LABEL votecheck.part="api"
COPY --from=build /build/packages /
COPY --from=build /build/source /
ENV PYTHONPATH=/app:/app/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/usr/bin/python3.13", "-m", "system.api"]
# Last, because these change with every commit and invalidate the cache of later steps.
ARG VERSION=unknown REVISION=unknown SOURCE_DIGEST=unknown
LABEL org.opencontainers.image.title="voting-api" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      votecheck.source-digest="${SOURCE_DIGEST}"
