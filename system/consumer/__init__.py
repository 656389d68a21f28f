"""The consumer: reads votes from the stream and counts each exactly once."""
