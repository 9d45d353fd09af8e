// The ternary grid of IQ1_S and IQ1_M as an encoder needs it: from the levels of a run of 8 values
// to a grid row.
//
// A run is a code of 16 bits: level k (0, 1, 2 for the grid values -1, 0, 1) at bits 2k, 2k + 1.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_GRID_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_GRID_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gguf {

class Iq1Grid {
 public:
  static constexpr size_t kRunValues = 8;
  // Lists are padded to multiples of this with copies of their first code.
  static constexpr size_t kListAlign = 16;

  // Codes of the grid rows nearest to a code that is not a row itself: all rows at one of the three
  // smallest distinct distances, by (distance, row).
  struct List {
    const uint16_t* codes;
    size_t padded_length;
  };

  // The one instance, computed at the first call (some milliseconds); any thread.
  static const Iq1Grid& Get();

  // The row of `code`, negative when there is none. Levels are 0 to 2.
  int Row(uint32_t code) const { return rows_[code]; }

  // `code` has no row.
  List Neighbours(uint32_t code) const {
    const uint16_t* list = lists_.data() + ~rows_[code];
    return {list + kListAlign, list[0]};
  }

  // The neighbour with the least sum of costs[4 * k + level of value k], the first of equals.
  uint32_t NearestNeighbour(uint32_t code, const float* costs) const;

 private:
  Iq1Grid();

  void AppendList(uint32_t code, const std::vector<uint16_t>& list);

  std::vector<int32_t> rows_;    // by code: row, or ~(start of the list)
  std::vector<uint16_t> lists_;  // per list: padded length, in kListAlign cells; then the codes
};

// What levels 0, 1, 2 stand for with a positive [0] and a negative [1] shift.
inline constexpr float kIq1Levels[2][3] = {{-0.875f, 0.125f, 1.125f}, {-1.125f, -0.125f, 0.875f}};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_GRID_H_
