// The grids of the IQ2 and IQ3 types as an encoder needs them: from the levels of a run of values
// to the point of the grid with these levels or, where there is none, to the points close by.
//
// Built from the codebooks at first use; the same on every machine. (Spec: the grid search of ggml,
// August 2026.)

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gguf {

// A point: its levels, `kGridBits` each with value k of the run at bit kGridBits * k, and above
// them, from bit kPointIndexShift on, its index in the codebook.
inline constexpr int kPointIndexShift = 16;

inline uint16_t IndexOfPoint(uint32_t point) {
  return (point >> kPointIndexShift) & 0x3FF;  // no codebook has more than 1024 points
}

// Entries of Grid::entries. On the grid: the point. Off the grid: kOffGrid, the number of groups of
// the neighbour list and the number of its first group.
inline constexpr uint32_t kOffGrid = 0x80000000u;
inline constexpr int kListGroupsShift = 20;
inline constexpr size_t kMaxListGroups = 127;

inline size_t ListGroups(uint32_t entry) { return entry >> kListGroupsShift & kMaxListGroups; }
inline size_t ListFirstGroup(uint32_t entry) {
  return entry & ((uint32_t{1} << kListGroupsShift) - 1);
}

// Bits per level in lists: one lookup in a table of eight or four levels per 4 bits.
inline constexpr int kMemberBits = 4;

struct Grid {
  size_t run;                    // values per point: 8 or 4
  int levels;                    // levels per value: 3 or 8; level l stands for the value 2l + 1
  int bits;                      // per level in a point: 2 or 3
  size_t group;                  // neighbour lists are padded to multiples of this: 4 or 8
  std::vector<uint32_t> points;  // by index

  // By key, the sum of level k times levels^k.
  std::vector<uint32_t> entries;

  // The neighbour lists, `group` members at a time, nearest first: point, and levels packed by
  // kMemberBits. A list is padded with its first member.
  std::vector<uint32_t> members;
  std::vector<uint32_t> member_levels;
};

// Neighbours of a missing point: all at one of the `num_distances` smallest distances to it,
// ordered by distance, then index. `codebook`: num_points * run values, any monotonic function of
// the levels.
Grid BuildGrid(const uint8_t* codebook, size_t num_points, size_t run, int num_distances);

// One per codebook. May be called from any thread.
const Grid& Iq2xxsGrid();
const Grid& Iq2xsGrid();
const Grid& Iq2sGrid();
const Grid& Iq3xxsGrid();
const Grid& Iq3sGrid();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_H_
