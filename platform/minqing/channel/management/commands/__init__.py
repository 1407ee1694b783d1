"""Commands of the channel."""
