"""Working-day calendar and deadlines (工作日与时限)."""
