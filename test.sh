#!/usr/bin/env bash
# Runs every test: installs what is missing, builds, tests, and closes with "N passed, N failed",
# counted in test cases. Arguments go to `bazel test`; a target among them replaces //...
#   ./test.sh                       everything
#   ./test.sh //gguf/...            one folder
#   ./test.sh --config=asan         everything under a sanitizer
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

tools/build/install_packages.sh tests </dev/null || exit 1
# shellcheck source=tools/build/bazel_options.sh
source tools/build/bazel_options.sh

# Without this environment (no network) the tests that need it say why and count as skipped.
venv=$(tools/build/interop_environment.sh "$cache_folder") || true
# tests/python_test.sh looks into the user's home by itself; naming the default place here would
# only keep `bazel test` by hand from sharing results with this script.
home=$(getent passwd "$(id -u)" | cut -d: -f6)
if [[ $venv != "$home/.cache/gguf_toolchain/"* ]]; then
  options+=("--test_env=GGUF_TOOLCHAIN_VENV=$venv")
fi
[[ ${CI:-} == true ]] && options+=(--config=ci)

targets=(//...)
for argument in "$@"; do
  [[ $argument == //* || $argument == -//* ]] && targets=()
done

events=$(mktemp)
trap 'rm -f "$events" "$events.xml"' EXIT
bazel "${startup[@]}" test "${options[@]}" --keep_going --build_event_json_file="$events" "$@" \
  "${targets[@]}" </dev/null
status=$?

# What a test cannot do, as it runs Bazel itself. With arguments only what they name is asked for.
checkouts=()
if (($# == 0)); then
  checkouts=("//tests/rules:checkouts_test.py=$events.xml")
  if ! PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 XML_OUTPUT_FILE=$events.xml python3 \
    tests/rules/checkouts_test.py "${startup[@]}" -- "${options[@]}" </dev/null; then
    ((status == 0)) && status=1
  fi
fi
python3 tools/build/ci_summary.py "$events" "$status" "${checkouts[@]}"
exit "$status"
