# The consumer and the migrations, at most 250 MB. The build context is the project directory. Build with: votecheck images, or make images.
FROM python:3.13-slim AS build
LABEL votecheck.part="consumer"
WORKDIR /build
COPY system/images/consumer-requirements.txt system/images/slim.py ./
# Give the user a name for programs that look it up. Not every slim image contains useradd.
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --no-input --root-user-action ignore \
      --only-binary :all: --require-hashes --requirement consumer-requirements.txt --target packages/app/packages \
    && cp --parents /etc/passwd /etc/group packages \
    && echo "consumer:x:1000:1000::/nonexistent:/usr/sbin/nologin" >>packages/etc/passwd \
    && echo "consumer:x:1000:" >>packages/etc/group \
    && PYTHONHASHSEED=0 python slim.py packages
# Only what the consumer and the migrations import, so that every module in the image can be imported.
COPY system/*.py source/app/system/
COPY system/consumer source/app/system/consumer
COPY system/db source/app/system/db
ARG VERSION=unknown REVISION=unknown SOURCE_DIGEST=unknown
# In a file as well as in labels: unless a layer differs, podman reuses cached labels even if the build arguments changed.
RUN echo "voting-consumer ${VERSION}, revision ${REVISION}, source ${SOURCE_DIGEST}" >source/app/built-from \
    && PYTHONHASHSEED=0 python slim.py source

FROM python:3.13-slim
LABEL votecheck.part="consumer"
# Nothing here needs setuid or setgid.
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /build/packages /
COPY --from=build /build/source /
ENV PYTHONPATH=/app:/app/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 1000:1000
ENTRYPOINT ["python", "-m", "system.consumer"]
# Last, because these change with every commit and invalidate the cache of later steps.
ARG VERSION=unknown REVISION=unknown SOURCE_DIGEST=unknown
LABEL org.opencontainers.image.title="voting-consumer" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      votecheck.source-digest="${SOURCE_DIGEST}"
