#include "quantize/encode/q8_0.h"

#include <cmath>

#include "formats/codec/q8_0.h"
#include "gguf/base/float16.h"

namespace gguf {

void EncodeQ8_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ8_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ8_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * BlockQ8_0::kValues;
    float amax = 0.0f;
    for (int i = 0; i < BlockQ8_0::kValues; ++i) amax = std::fmax(amax, std::fabs(x[i]));
    const float d = amax / 127.0f;
    const float id = d != 0.0f ? 1.0f / d : 0.0f;
    blocks[b].d = F32ToF16(d);
    for (int i = 0; i < BlockQ8_0::kValues; ++i) {
      // The inverse of a subnormal d can be infinite; its codes are 0.
      blocks[b].qs[i] = std::isinf(id) ? 0 : static_cast<int8_t>(std::round(x[i] * id));
    }
  }
}

}  // namespace gguf
