"""Public pages and the public API."""
