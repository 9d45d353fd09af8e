// Rotary position embedding: pairs of a head's elements turn by an angle that grows with position.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_ROPE_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_ROPE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace gguf {

// Which elements of a head turn together: (2i, 2i + 1), or (i, i + dims / 2).
enum class RopeLayout { kNone, kPairs, kHalves };

enum class RopeScaling { kNone, kLinear, kYarn };

struct RopeConfig {
  uint32_t dims = 0;  // of each head that turn, from its start; even
  float base = 10000.0f;
  float sliding_base = 10000.0f;  // in sliding layers
  RopeScaling scaling = RopeScaling::kNone;
  float factor = 1.0f;            // > 0
  uint32_t original_context = 0;  // tokens; of YaRN and of long and short factors
  float beta_fast = 32.0f;        // YaRN
  float beta_slow = 1.0f;
  float extrapolation = 1.0f;  // YaRN: 1 mixes, 0 interpolates only
  float magnitude = 1.0f;      // cos and sin are multiplied by it
};

// The angle of pair i per position, for i in [0, dims / 2): base^(-2i / dims), divided by
// factors[i] (empty: 1), then scaled as `scaling` says. YaRN's range of correction is rounded
// outwards to whole pairs.
std::vector<float> RopeFrequencies(const RopeConfig& rope, float base, RopeScaling scaling,
                                   absl::Span<const float> factors);

// Cosines and sines of some positions, for heads to be turned by.
class RopeTable {
 public:
  void Fill(absl::Span<const int32_t> positions, absl::Span<const float> frequencies,
            float magnitude);

  // Turns `num_heads` heads of `head_size` values of the token with positions[index].
  void Rotate(size_t index, RopeLayout layout, size_t num_heads, size_t head_size,
              float* heads) const;

 private:
  size_t pairs_ = 0;
  std::vector<float> cos_, sin_;  // [position][pair]
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_ROPE_H_
