#!/usr/bin/env bash
# usage: interop_environment.sh FOLDER
# Makes the Python environment of tests/interop as FOLDER/venv-<hash of its requirements>, unless it
# is there, and prints its path. When it cannot be made (no network, say), FOLDER/venv-<hash>.reason
# says why, the same goes to standard error, and the exit status is 1: those tests are then skipped.
set -uo pipefail
requirements=$(dirname "${BASH_SOURCE[0]}")/../../tests/interop/requirements.txt
hash=$(sha256sum "$requirements" | cut -c 1-16)
venv=$1/venv-$hash
echo "$venv"
mkdir -p "$1" || exit 1
exec 9>"$1/venv.lock" && flock 9  # one maker at a time
[[ -x $venv/bin/python3 && -e $venv/complete ]] && exit 0

rm -rf "$venv" "$venv.reason"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if /usr/bin/python3 -m venv "$venv" >"$log" 2>&1 &&
   "$venv/bin/python3" -m pip install --quiet --no-input --disable-pip-version-check --retries 2 \
     --timeout 30 --only-binary :all: --requirement "$requirements" >"$log" 2>&1; then
  touch "$venv/complete"
  exit 0
fi
rm -rf "$venv"
# pip ends in "no matching distribution" also where it could not connect; its warnings know better.
reason=$(grep -m 1 -E 'connection broken|Could not fetch' "$log" || grep -v '^ *$' "$log" | tail -n 1)
echo "the Python packages of tests/interop could not be installed: ${reason:0:300}" |
  tee "$venv.reason" >&2
exit 1
