"""What travels and how it is proven: records, tree, notes, proofs, policies. Pure code, no database, no network."""
