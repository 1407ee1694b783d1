"""PouchDB for comparison: documents of the same size replicated over HTTP from npm's pouchdb-server, where npm is at hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FOLDER = Path("build/bench-pouchdb")
"""Its packages stay here from run to run; the repository ignores it."""

_INSTALL_SECONDS = 600
_SERVER = "pouchdb-server@4"
_SCRIPT = """
const PouchDB = require('pouchdb-core'), { spawn } = require('child_process'), fs = require('fs'), count = Number(process.argv[2]);
for (const part of ['adapter-http', 'adapter-leveldb', 'replication']) PouchDB.plugin(require('pouchdb-' + part));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {
  const folder = fs.mkdtempSync('run-'), port = 20000 + Math.floor(Math.random() * 20000);
  const server = spawn(process.execPath, [require.resolve('pouchdb-server/bin/pouchdb-server'), '--port', port, '--dir', folder, '--config', folder + '/config.json', '--no-stdout-logs'], { stdio: 'ignore' });
  try {
    const there = new PouchDB('http://127.0.0.1:' + port + '/bench');
    for (let left = 200; left; left--) { try { await there.info(); break; } catch (fault) { await wait(100); } }
    const text = 'x'.repeat(1024);
    for (let start = 0; start < count; start += 1000)
      await there.bulkDocs(Array.from({ length: Math.min(1000, count - start) }, (_, n) => ({ _id: 'line-' + String(start + n).padStart(9, '0'), text })));
    const here = new PouchDB(folder + '/here', { adapter: 'leveldb' }), begun = process.hrtime.bigint();
    const done = await PouchDB.replicate(there, here, { batch_size: 1000 });
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    if (done.docs_written !== count) throw new Error('replicated ' + done.docs_written);
    console.log(count / seconds);
  } finally { server.kill('SIGKILL'); fs.rmSync(folder, { recursive: true, force: true }); }
  process.exit(0);
})().catch((fault) => { console.error(fault); process.exit(1); });
"""


def documents_per_second(count: int) -> float | None:
    """Replicate so many documents of about 1 kB; None where npm is missing or its registry is out of reach."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "replicate.js").write_text(_SCRIPT)
    if not (FOLDER / "node_modules" / "pouchdb-server").is_dir() and not _install():
        return None
    done = subprocess.run(
        ["node", "replicate.js", str(count)], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _install() -> bool:
    (FOLDER / "package.json").write_text('{"private": true}\n')
    try:
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--silent", _SERVER],
            cwd=FOLDER, check=True, timeout=_INSTALL_SECONDS, capture_output=True,
        )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return True
