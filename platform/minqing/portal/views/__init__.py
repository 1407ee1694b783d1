"""Public pages: parse, one call, answer."""
