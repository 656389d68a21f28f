"""Steps about the consumer: its process, its variables, its heartbeat and the stream it reads."""
