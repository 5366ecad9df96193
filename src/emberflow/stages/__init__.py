"""Stages: each a function from files to files that a worker process carries out. Opens paths; refuses to know the store they come from."""
