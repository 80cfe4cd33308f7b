"""Encoded rows to encoded rows: networks, losses, training and drawing (torch; no pandas)."""
