"""`python -m sync.signer FOLDER SOCKET`: what `minqing signer` runs, without loading the platform."""

from __future__ import annotations

import sys
from pathlib import Path

from sync.signer.process import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
