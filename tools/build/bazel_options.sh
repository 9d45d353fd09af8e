# Sourced by quickstart.sh and test.sh, in the root of the repository. Sets
#   startup, options   arrays for `bazel "${startup[@]}" COMMAND "${options[@]}"`
#   cache_folder       where this project keeps what outlives a checkout
# Where the home directory cannot be written, BAZEL_OUTPUT_ROOT names a place for all of it.
# shellcheck shell=bash disable=SC2034

startup=() options=()
cache_folder=$HOME/.cache/gguf_toolchain
if [[ -n "${BAZEL_OUTPUT_ROOT:-}" ]]; then
  cache_folder=$BAZEL_OUTPUT_ROOT
  startup+=("--output_user_root=$BAZEL_OUTPUT_ROOT")
  options+=("--disk_cache=$BAZEL_OUTPUT_ROOT/disk_cache")
fi

# Links into another output root would be walked by //... as if they were packages.
find . -maxdepth 1 -type l -name 'bazel-*' -delete
