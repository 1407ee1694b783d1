"""The exchange between units: records, ledger, proofs, signer, peers, feed, pull, apply, witness."""
