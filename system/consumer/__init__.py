"""The consumer: it takes votes off the stream and counts each exactly once."""
