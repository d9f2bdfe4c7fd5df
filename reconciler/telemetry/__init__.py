"""What a process tells those who run it: logs and metrics; ``prometheus_client`` is imported here alone."""
