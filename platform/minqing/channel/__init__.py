"""People's channel (民情通道): words kept byte for byte, cases, dialogue, referral, the second door."""
