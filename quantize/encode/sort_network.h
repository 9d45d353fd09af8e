// Batcher's odd-even merge sort as a list of comparisons, for sorting in SIMD lanes.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SORT_NETWORK_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SORT_NETWORK_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Exchanges that sort kValues values (a power of two): pair (a, b), a < b, puts the smaller one at
// a.
template <size_t kValues>
struct SortNetwork {
  size_t count = 0;
  uint8_t pairs[kValues * 8][2] = {};

  constexpr SortNetwork() {
    for (size_t part = 1; part < kValues; part *= 2) {
      for (size_t step = part; step >= 1; step /= 2) {
        for (size_t start = step % part; start + step < kValues; start += 2 * step) {
          for (size_t a = start; a < start + step && a + step < kValues; ++a) {
            if (a / (2 * part) != (a + step) / (2 * part)) continue;
            pairs[count][0] = static_cast<uint8_t>(a);
            pairs[count][1] = static_cast<uint8_t>(a + step);
            ++count;
          }
        }
      }
    }
  }
};

template <size_t kValues>
inline constexpr SortNetwork<kValues> kSortNetwork;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SORT_NETWORK_H_
