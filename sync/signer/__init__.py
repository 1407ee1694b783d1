"""The signer: a process of its own that alone holds the log keys and the witness key."""
