"""Deployments: which flow runs when and where, with what defaults."""
