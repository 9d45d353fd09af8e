#!/bin/sh
# The generator takes a table of the stated shape and range, and refuses any other.

generator=formats/codec/codebooks/generate_codebook.py
text=$TEST_TMPDIR/table.txt
failures=0

# expect STATUS TEXT: runs the generator for a 2 x 2 table of values -1 to 7.
expect() {
  printf '%b' "$2" > "$text"
  python3 "$generator" "$text" Table int8_t 2 2 -1 7 > "$TEST_TMPDIR/table.h"
  status=$?
  if [ "$status" != "$1" ]; then
    echo "exit $status, expected $1, for: $2"
    failures=1
  fi
}

expect 0 '-1 0\n1 7\n'
grep -q 'kTable\[2\]\[2\]' "$TEST_TMPDIR/table.h" || failures=1
expect 1 '-1 0\n'
expect 1 '-1 0\n1 7\n1 1\n'
expect 1 '-1 0\n1 7 7\n'
expect 1 '-1 0\n1\n'
expect 1 '-2 0\n1 7\n'
expect 1 '-1 0\n1 8\n'
expect 1 '-1 0\n1 x\n'
exit $failures
