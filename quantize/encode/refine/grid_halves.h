// A codebook of the IQ2 and IQ3 types, its points divided into a first and a second half.
//
// A point's error is the sum of its halves' errors, and few halves are distinct: a search computes
// the errors of these, and per point adds or compares two of them.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gguf {

// Of distinct halves: 3^4 for runs of 8 values, 8^2 for runs of 4; numbers of halves fit in
// kHalfBits.
inline constexpr size_t kMaxHalves = 81;
inline constexpr int kHalfBits = 7;

// A point: the number of its first half above that of its second.
inline uint32_t CodeOfHalves(uint32_t first, uint32_t second) {
  return first << kHalfBits | second;
}
inline uint32_t FirstHalf(uint32_t code) { return code >> kHalfBits; }
inline uint32_t SecondHalf(uint32_t code) { return code & ((1u << kHalfBits) - 1); }

struct GridHalves {
  using Half = std::array<uint8_t, 4>;  // ranks of its values; only the first two for runs of 4

  std::vector<float> values;  // of the codebook by rank, ascending
  std::vector<Half> first;    // distinct, in the order of their first point
  std::vector<Half> second;
  std::vector<uint16_t> starts;   // seconds of first i: members[starts[i]] .. [starts[i + 1] - 1]
  std::vector<uint16_t> members;  // numbers of second halves
  std::vector<uint16_t> indices;  // by CodeOfHalves: the index in the codebook

  float ValueInPoint(uint32_t code, size_t k, size_t run) const {
    const size_t length = run / 2;
    const Half& half = k < length ? first[FirstHalf(code)] : second[SecondHalf(code)];
    return values[half[k % length]];
  }
};

// `codebook`: num_points * run values; run is 8 or 4.
GridHalves DivideGrid(const uint8_t* codebook, size_t num_points, size_t run);

// Of a type of grid_types.h, built at first use.
template <class Type>
const GridHalves& HalvesOf() {
  constexpr size_t kRun = Type::kType.run;
  constexpr size_t kPoints = sizeof(Type::kCodebook) / kRun;
  static const GridHalves& halves = *new GridHalves(DivideGrid(Type::kCodebook[0], kPoints, kRun));
  return halves;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_GRID_HALVES_H_
