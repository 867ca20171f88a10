#!/bin/sh
# Finds a Python that can make the virtual environment and hands over to tools/setup.py: sh tools/setup.sh runtime|dev
# A chosen interpreter: PYTHON=/path/to/python make setup
set -eu
cd "$(dirname "$0")/.."
# Settings of the caller's Python must not reach into ours.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV || true

version='import sys; raise SystemExit(sys.version_info < (3, 11))'
ready='import sys, venv, ensurepip; raise SystemExit(sys.version_info < (3, 11))'
old_enough=

# The environment that stands already answers fastest; setup.py itself decides whether it is still the right one.
for python in .venv/bin/python ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
    # A name on the PATH may be a shim without a Python behind it, so each is asked rather than looked up.
    if "$python" -c "$ready" >/dev/null 2>&1; then
        exec "$python" -I tools/setup.py "$1"
    fi
    if [ -z "$old_enough" ] && "$python" -c "$version" >/dev/null 2>&1; then old_enough=$python; fi
done

if [ -n "$old_enough" ]; then
    echo "$old_enough has no venv and ensurepip; install them (Debian and Ubuntu: apt-get install python3-venv), then run make again." >&2
else
    echo "OpenVest needs Python 3.11 or newer and found none; install one, or name it: make setup PYTHON=/path/to/python3.11" >&2
fi
exit 1
