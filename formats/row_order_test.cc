#include "formats/row_order.h"

#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// Row r of the stored matrix is r, r, r.
constexpr uint64_t kRowBytes = 3;

// The definition, one row at a time.
uint64_t StoredRow(uint64_t head_rows, uint64_t row) {
  const uint64_t in_head = row % head_rows;
  return row - in_head + in_head % 2 * (head_rows / 2) + in_head / 2;
}

TEST(RowOrder, EveryRangeOfEverySize) {
  for (const uint64_t head_rows : {2, 4, 6, 32}) {
    const uint64_t rows = 3 * head_rows;
    for (uint64_t first = 0; first <= rows; ++first) {
      for (uint64_t last = first; last <= rows; ++last) {
        std::vector<uint8_t> out((last - first) * kRowBytes, 255);
        size_t reads = 0;
        const absl::Status status = ReadInterleavedRows(
            head_rows, kRowBytes, first,
            [&](uint64_t row, absl::Span<uint8_t> bytes) {
              ++reads;
              EXPECT_LE(row * kRowBytes + bytes.size(), rows * kRowBytes);
              for (size_t i = 0; i < bytes.size(); ++i) {
                bytes[i] = static_cast<uint8_t>(row + i / kRowBytes);
              }
              return absl::OkStatus();
            },
            absl::MakeSpan(out));
        ASSERT_TRUE(status.ok());
        for (uint64_t row = first; row < last; ++row) {
          for (uint64_t i = 0; i < kRowBytes; ++i) {
            ASSERT_EQ(out[(row - first) * kRowBytes + i], StoredRow(head_rows, row))
                << head_rows << " " << first << " " << last << " " << row;
          }
        }
        EXPECT_LE(reads, (last - first) / head_rows + 4);  // two for each part of a head
      }
    }
  }
}

TEST(RowOrder, StopsAtTheFirstError) {
  std::vector<uint8_t> out(8 * kRowBytes);
  int reads = 0;
  const absl::Status status = ReadInterleavedRows(
      4, kRowBytes, 0,
      [&](uint64_t, absl::Span<uint8_t>) {
        ++reads;
        return absl::DataLossError("gone");
      },
      absl::MakeSpan(out));
  EXPECT_EQ(status, absl::DataLossError("gone"));
  EXPECT_EQ(reads, 1);
}

}  // namespace
}  // namespace gguf
