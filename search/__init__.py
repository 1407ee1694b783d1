"""Search: documents, Chinese text, queries, two engines behind one interface."""

import os

# Names are read character by character; the table of phrases would cost every process a second and 50 MB.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")
