"""Units (单位): their tree, names, host names, and which one the running code serves."""
