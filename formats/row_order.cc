#include "formats/row_order.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// Rows of one head, as [first, last) among the interleaved rows of that head. Even rows come from
// the first half of the stored head, odd rows from the second.
struct HeadPart {
  uint64_t first;
  uint64_t last;

  uint64_t first_even() const { return (first + 1) / 2; }  // index within the first half
  uint64_t num_even() const { return (last + 1) / 2 - first_even(); }
  uint64_t first_odd() const { return first / 2; }  // index within the second half
  uint64_t num_odd() const { return last / 2 - first_odd(); }
};

// Moves rows from `stored` (even rows, then odd rows) to their places in `out`.
void Interleave(const HeadPart& part, uint64_t row_bytes, const uint8_t* stored, uint8_t* out) {
  const uint8_t* next[2] = {stored, stored + part.num_even() * row_bytes};
  for (uint64_t row = part.first; row < part.last; ++row) {
    const uint8_t*& from = next[row % 2];
    std::memcpy(out, from, row_bytes);
    from += row_bytes;
    out += row_bytes;
  }
}

}  // namespace

absl::Status ReadInterleavedRows(uint64_t head_rows, uint64_t row_bytes, uint64_t first_row,
                                 ReadStoredRows read, absl::Span<uint8_t> out) {
  const uint64_t end = first_row + out.size() / row_bytes;
  const uint64_t scratch_rows = std::min(head_rows, end - first_row);
  const std::unique_ptr<uint8_t[]> scratch(new uint8_t[scratch_rows * row_bytes]);
  uint8_t* place = out.data();
  for (uint64_t row = first_row; row < end;) {
    const uint64_t head_start = row - row % head_rows;
    const HeadPart part = {row - head_start, std::min(end - head_start, head_rows)};
    const uint64_t num_rows = part.last - part.first;
    if (num_rows == head_rows) {
      GGUF_RETURN_IF_ERROR(read(head_start, absl::MakeSpan(scratch.get(), num_rows * row_bytes)));
    } else {
      const uint64_t even_bytes = part.num_even() * row_bytes;
      GGUF_RETURN_IF_ERROR(
          read(head_start + part.first_even(), absl::MakeSpan(scratch.get(), even_bytes)));
      GGUF_RETURN_IF_ERROR(
          read(head_start + head_rows / 2 + part.first_odd(),
               absl::MakeSpan(scratch.get() + even_bytes, part.num_odd() * row_bytes)));
    }
    Interleave(part, row_bytes, scratch.get(), place);
    place += num_rows * row_bytes;
    row += num_rows;
  }
  return absl::OkStatus();
}

}  // namespace gguf
