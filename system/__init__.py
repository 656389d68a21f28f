"""The reference voting system: API, stream, consumer and database. It never imports the harness."""

API_VERSION = "0.3.2"
CONSUMER_VERSION = "0.3.0"
