"""Search: documents, Chinese text, queries, two engines behind one interface."""
