# The consumer and the migrations, at most 250 MB. The build context is the folder of the project.
FROM python:3.13-slim AS build
COPY system/images/consumer-requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes \
      --target /app/packages --requirement /tmp/requirements.txt
# Only what the consumer and the migrations import: every module in the image works there.
COPY system/*.py /app/system/
COPY system/consumer /app/system/consumer
COPY system/db /app/system/db
# The root file system is read-only where this runs: byte code is made here or at every start. Its validity does not hang
# on file times, which a COPY may change.
RUN find /app -name __pycache__ -prune -exec rm -r {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /app

FROM python:3.13-slim
ARG VERSION
ARG REVISION
ARG SOURCE_DIGEST
LABEL org.opencontainers.image.title="voting-consumer" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      votecheck.source-digest="${SOURCE_DIGEST}"
# The user has a name, so that what asks for it finds one; useradd is not in every slim image.
RUN echo "consumer:x:1000:1000::/nonexistent:/usr/sbin/nologin" >>/etc/passwd && echo "consumer:x:1000:" >>/etc/group
COPY --from=build /app /app
ENV PYTHONPATH=/app:/app/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 1000:1000
ENTRYPOINT ["python", "-m", "system.consumer"]
