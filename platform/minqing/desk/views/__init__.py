"""The staff pages, one file for each kind of work."""
