"""Rows in, the same rows and drawn ones out: how many, of what, and whether they help."""
