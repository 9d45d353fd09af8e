#!/usr/bin/env bash
# usage: python_test.sh system|interop TEST.py
# Runs one Python test from the root of the runfiles: with Debian's Python, or with the environment
# that tools/build/interop_environment.sh makes (other programs' GGUF readers). Without the latter
# the test counts as skipped, with the reason in its test.xml.
set -eu
export PYTHONPATH=$PWD/tests PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
export LC_ALL=C.UTF-8
if [[ $1 == system ]]; then
  exec /usr/bin/python3 "$2"
fi

hash=$(sha256sum tests/interop/requirements.txt | cut -c 1-16)
home=$(getent passwd "$(id -u)" | cut -d: -f6)
venv=${GGUF_TOOLCHAIN_VENV:-$home/.cache/gguf_toolchain/venv-$hash}
if [[ -e $venv/complete ]]; then
  exec "$venv/bin/python3" "$2"
fi
if [[ -e $venv.reason ]]; then
  reason=$(<"$venv.reason")
else
  reason="there is no $venv; ./test.sh or tools/build/interop_environment.sh makes it"
fi
exec /usr/bin/python3 -m harness skip "$2" "$reason"
