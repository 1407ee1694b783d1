#!/bin/sh
# Make .venv and install the locked requirements. $1: run | dev, $2: the Python to use.
set -eu
kind=$1
python=$2
say() { printf '%s\n' "minqing: $*"; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "Python 3.11 or newer is needed; '$python' is older. Name another one: make PYTHON=python3.12 …"
    exit 1
}
if [ ! -x .venv/bin/pip ]; then
    say "making .venv"
    rm -rf .venv
    "$python" -m venv .venv 2>/dev/null || {
        rm -rf .venv
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "this Python lacks venv; installing Debian's python3-venv"
            # the tests' services may be on their way beside this
            flock /var/lib/dpkg apt-get update -qq
            flock /var/lib/dpkg apt-get install -y -qq python3-venv >/dev/null
            "$python" -m venv .venv
        else
            say "this Python lacks venv: install the package python3-venv and try again."
            exit 1
        fi
    }
fi
if [ "$kind" = dev ]; then lock=requirements-dev.txt; else lock=requirements.txt; fi
say "installing the locked packages of $lock (about half a minute the first time)"
.venv/bin/python -m pip install --quiet --require-hashes -r "$lock"
if [ "$kind" = dev ]; then
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
    touch .venv/run.stamp
else
    # The run-time set needs no build tools: two path lines do what an editable install would.
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    [ -e "$site/_minqing.pth" ] || printf '%s\n%s\n' "$PWD" "$PWD/platform" > "$site/_minqing.pth"
    printf '%s\n' "#!$PWD/.venv/bin/python" "import sys" "from minqing.__main__ import main" "sys.exit(main())" > .venv/bin/minqing
    chmod +x .venv/bin/minqing
fi
touch ".venv/$kind.stamp"
