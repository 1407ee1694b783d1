"""Working days (工作日) and legal time limits: an editable calendar per unit, and rules as data."""
