#!/usr/bin/env bash
# From a fresh clone to a quantized model: installs what is missing (as root, or with sudo), builds
# the tools, quantizes the small model in testdata/ and checks the result.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

readonly folder=build-output
readonly model=testdata/kjv-llama
readonly output=$folder/kjv-llama-Q5_K_M.gguf
readonly log=$folder/quickstart.log

# step TEXT COMMAND...: runs the command with its output in the log; shows it only on failure.
step() {
  local text=$1 status start=$SECONDS
  shift
  printf '%s ...' "$text"
  "$@" </dev/null >"$log" 2>&1 &
  local pid=$!
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    [[ -t 1 ]] && printf '\r%s ... %d s' "$text" $((SECONDS - start))
  done
  wait "$pid"
  status=$?
  trap - INT TERM
  if ((status != 0)); then
    printf '\n%s failed (exit status %d). The end of %s:\n\n' "$text" "$status" "$log" >&2
    tail -n 60 "$log" >&2
    exit 1
  fi
  [[ -t 1 ]] && printf '\r%s ...' "$text"
  printf ' done in %d s\n' $((SECONDS - start))
}

mkdir -p "$folder" || exit 1
tools/build/install_packages.sh </dev/null || exit 1  # not a step: sudo may ask for a password
# shellcheck source=tools/build/bazel_options.sh
source tools/build/bazel_options.sh
step "1/3 Building the tools (minutes, the first time)" \
  bazel "${startup[@]}" build "${options[@]}" //tools:all
step "2/3 Quantizing $model to Q5_K_M" \
  bazel-bin/tools/quantize --type Q5_K_M --verify --force --progress never "$model" "$output"
cp "$log" "$folder/quantize.log"
step "3/3 Verifying the file" bazel-bin/tools/gguf verify "$output"

cat <<END

$(sed 's/^/    /' "$folder/quantize.log" | tail -n 25)

Result    $output ($(numfmt --to=iec-i --suffix=B "$(stat -c %s "$output")"); the checkpoint was $(numfmt --to=iec-i --suffix=B "$(stat -c %s $model/model.safetensors)"))
Verified  quantize --verify re-read every tensor and measured its error against the checkpoint;
          gguf verify found structure, ranges and blocks sound
Next      bazel-bin/tools/quantize --type Q4_K_M FOLDER_OF_A_CHECKPOINT
          bazel-bin/tools/gguf inspect $output
          bazel-bin/tools/quantize --help
END
