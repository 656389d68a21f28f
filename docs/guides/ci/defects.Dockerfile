# The project with everything that its self-test needs:
# podman build --file docs/guides/ci/defects.Dockerfile --tag docker.io/library/voting-defects:0.3.2 .
FROM docker.io/library/python:3.13-slim
RUN apt-get update && apt-get install --no-install-recommends -y git make && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --create-home votecheck && install -d -o votecheck /project /results
USER votecheck
WORKDIR /project
COPY --chown=votecheck . .
RUN make setup
ENTRYPOINT [".venv/bin/votecheck"]
