"""Ways on which a log and its records travel besides HTTPS: a shared broker, and discs that people carry."""
