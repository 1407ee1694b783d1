"""Performance archives of officials (干部表现档案): entries, review, publication, import."""
