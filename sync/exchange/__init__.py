"""What a unit does with other units: peers, feed, copy, taking in, witnesses."""
