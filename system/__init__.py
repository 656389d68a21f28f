"""The reference voting system: an API, a stream, a consumer and a database. It never imports the harness."""

API_VERSION = "0.3.2"
CONSUMER_VERSION = "0.3.0"
