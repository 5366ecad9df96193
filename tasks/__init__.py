"""Stages as Prefect tasks: retries, time-out, cache key, run name and one call into the domain."""
