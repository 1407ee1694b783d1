"""Who keeps a subject: steps of handovers as they are taken in, what people do about them, and what everybody may ask."""
