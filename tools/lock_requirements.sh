#!/bin/sh
# Writes requirements/runtime.txt and requirements/dev.txt from pyproject.toml: exact versions with the hashes of
# every file of theirs, good for Python 3.11 to 3.14 on Linux and macOS. Versions move only when asked for:
#   sh tools/lock_requirements.sh                 keeps every version that still fits
#   sh tools/lock_requirements.sh --upgrade       takes the newest that fit
set -eu
cd "$(dirname "$0")/.."

if [ -x .venv/bin/uv ]; then uv=.venv/bin/uv; else uv=uv; fi
if ! command -v "$uv" >/dev/null; then
    echo "Locking needs uv: run .venv/bin/python -m pip install uv, then this again." >&2
    exit 1
fi

lock() { # lock GROUP FILE [MORE OPTIONS…]
    group=$1
    file=$2
    shift 2
    # UV_NO_CONFIG: a developer's own settings (mirrors, dates) must not show in what everybody installs.
    UV_NO_CONFIG=1 "$uv" pip compile pyproject.toml --group "$group" --output-file "$file" --quiet \
        --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}

lock build requirements/runtime.txt "$@"
# The development tools live beside the runtime, so they may not move any of its versions.
lock dev requirements/dev.txt --constraint requirements/runtime.txt "$@"
