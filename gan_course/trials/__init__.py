"""Trials: many small training runs that answer one question, and their recorded results."""
