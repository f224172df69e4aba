"""History for people: what changed in a row, field by field. Convenience, not evidence; see docs/adr/0010."""
