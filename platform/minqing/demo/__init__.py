"""The demonstration: three units in one deployment, fictitious people over real place names."""
