"""The record: every decision row of every app, sealed in PostgreSQL as it commits. No app calls it; see sources.py."""
