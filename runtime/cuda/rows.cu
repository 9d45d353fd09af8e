// Operations on rows of floats: norms, rotation, activations, sums.

#include <cmath>
#include <cstdint>

#include "runtime/cuda/operations.h"
#include "runtime/cuda/platform.h"

namespace gguf {
namespace device {
namespace {

constexpr int kThreads = 256;

// Blocks for a grid whose threads take values in steps of the whole grid.
Grid GridFor(uint64_t num_values) {
  constexpr unsigned kMostBlocks = 4096;
  const uint64_t blocks = (num_values + kThreads - 1) / kThreads;
  return {blocks < kMostBlocks ? static_cast<unsigned>(blocks) : kMostBlocks};
}

template <class Args>
int LaunchFor(uint64_t num_values, void (*kernel)(Args), const Args& args) {
  if (num_values == 0) return 0;
  return Launch(kernel, GridFor(num_values), kThreads, 0, args);
}

// The values of this thread: from First(), in steps of Step().
GGUF_DEVICE inline uint64_t First() { return uint64_t{BlockX()} * kThreads + Thread(); }
GGUF_DEVICE inline uint64_t Step(uint64_t num_values) {
  constexpr uint64_t kMostBlocks = 4096;
  const uint64_t blocks = (num_values + kThreads - 1) / kThreads;
  return (blocks < kMostBlocks ? blocks : kMostBlocks) * kThreads;
}

// The sum over a block of 256 threads, for all of them.
GGUF_DEVICE inline float BlockSum(float value) {
  float* sums = reinterpret_cast<float*>(SharedMemory());
  const float sum = WarpSum(value);
  SyncBlock();  // an earlier sum has been read
  if (Thread() % kWarpThreads == 0) sums[Thread() / kWarpThreads] = sum;
  SyncBlock();
  float total = 0.0f;
  for (int warp = 0; warp < kThreads / kWarpThreads; ++warp) total += sums[warp];
  return total;
}

GGUF_KERNEL void NormKernel(GgufCudaNorm a) {
  const float* x = a.x + uint64_t{BlockX()} * a.size;
  float* out = a.out + uint64_t{BlockX()} * a.size;
  const float size = static_cast<float>(a.size);
  float mean = 0.0f;
  if (a.bias != nullptr) {
    float sum = 0.0f;
    for (uint32_t i = Thread(); i < a.size; i += kThreads) sum += x[i];
    mean = BlockSum(sum) / size;
  }
  float squares = 0.0f;
  for (uint32_t i = Thread(); i < a.size; i += kThreads) {
    squares = fmaf(x[i] - mean, x[i] - mean, squares);
  }
  const float scale = 1.0f / sqrtf(BlockSum(squares) / size + a.epsilon);
  for (uint32_t i = Thread(); i < a.size; i += kThreads) {
    const float value = (x[i] - mean) * scale * a.weight[i];
    out[i] = a.bias != nullptr ? value + a.bias[i] : value;
  }
}

GGUF_KERNEL void RotateKernel(GgufCudaRotation a) {
  const uint64_t count = uint64_t{a.count} * a.num_heads * a.pairs;
  for (uint64_t at = First(); at < count; at += Step(count)) {
    const uint64_t head = at / a.pairs;
    const uint32_t i = static_cast<uint32_t>(at % a.pairs);
    const uint64_t angle = head / a.num_heads * a.pairs + i;
    float* first = a.heads + head * a.head_size + uint64_t{i} * a.step;
    const float x = first[0], y = first[a.distance];
    first[0] = x * a.cosines[angle] - y * a.sines[angle];
    first[a.distance] = x * a.sines[angle] + y * a.cosines[angle];
  }
}

GGUF_DEVICE inline float TimesSigmoid(float x, float slope) {
  return x / (1.0f + expf(-x * slope));
}

// Kinds as gguf::Activation has them: SiLU, GELU by tanh, GELU by erf, clamped SwiGLU.
GGUF_DEVICE inline float Activated(uint32_t kind, float gate, float up) {
  if (kind == 0) return TimesSigmoid(gate, 1.0f) * up;
  if (kind == 1) {
    return TimesSigmoid(gate, 1.5957691216057308f * (gate * gate * 0.044715f + 1.0f)) * up;
  }
  if (kind == 2) return 0.5f * gate * (1.0f + erff(gate * 0.70710678118654752f));
  const float g = fminf(gate, 7.0f);
  return TimesSigmoid(g, 1.702f) * (fminf(fmaxf(up, -7.0f), 7.0f) + 1.0f);
}

GGUF_KERNEL void ActivateKernel(GgufCudaActivation a) {
  const uint64_t count = uint64_t{a.count} * a.width;
  for (uint64_t at = First(); at < count; at += Step(count)) {
    const uint64_t row = at / a.width, column = at % a.width;
    const float up = a.up == nullptr ? 0.0f : a.up[row * a.up_stride + column];
    a.out[at] = Activated(a.kind, a.gate[row * a.gate_stride + column], up);
  }
}

struct CopyArgs {
  const float* from;
  const uint32_t* rows;  // null: in order
  uint32_t from_stride, first;
  float* to;
  uint32_t width, count;
};

GGUF_KERNEL void CopyKernel(CopyArgs a) {
  const uint64_t count = uint64_t{a.count} * a.width;
  for (uint64_t at = First(); at < count; at += Step(count)) {
    const uint64_t row = a.rows == nullptr ? at / a.width : a.rows[at / a.width];
    a.to[at] = a.from[row * a.from_stride + a.first + at % a.width];
  }
}

struct AddArgs {
  float* x;
  const float* added;
  const float* gate;  // null: none
  float scale;
  uint32_t width;
  uint64_t num_values;
};

GGUF_KERNEL void AddKernel(AddArgs a) {
  for (uint64_t at = First(); at < a.num_values; at += Step(a.num_values)) {
    const float scale = a.gate == nullptr ? a.scale : 1.0f / (1.0f + expf(-a.gate[at / a.width]));
    a.x[at] += scale * a.added[at];
  }
}

struct CapArgs {
  float* x;
  float divisor, cap;
  uint64_t num_values;
};

GGUF_KERNEL void CapKernel(CapArgs a) {
  for (uint64_t at = First(); at < a.num_values; at += Step(a.num_values)) {
    const float x = a.x[at] / a.divisor;
    a.x[at] = a.cap > 0.0f ? a.cap * tanhf(x / a.cap) : x;
  }
}

GGUF_KERNEL void SumExpertsKernel(GgufCudaExpertSum a) {
  const uint64_t count = uint64_t{a.count} * a.width;
  for (uint64_t at = First(); at < count; at += Step(count)) {
    const uint64_t row = at / a.width, column = at % a.width;
    float sum = 0.0f;
    for (uint32_t u = 0; u < a.used; ++u) {
      const uint64_t slot = a.slots[row * a.used + u];
      sum += a.weights[row * a.used + u] * a.rows[slot * a.width + column];
    }
    a.out[at] = sum;
  }
}

}  // namespace

int Normalise(const GgufCudaNorm* a) {
  if (a->rows == 0) return 0;
  constexpr size_t kSharedBytes = kThreads / kWarpThreads * sizeof(float);
  return Launch(NormKernel, {a->rows}, kThreads, kSharedBytes, *a);
}

int Rotate(const GgufCudaRotation* a) {
  return LaunchFor(uint64_t{a->count} * a->num_heads * a->pairs, RotateKernel, *a);
}

int Activate(const GgufCudaActivation* a) {
  if (a->kind > 3) return kInvalidArguments;
  return LaunchFor(uint64_t{a->count} * a->width, ActivateKernel, *a);
}

int CopyColumns(const float* from, uint32_t from_stride, uint32_t first, float* to, uint32_t width,
                uint32_t count) {
  return LaunchFor(uint64_t{count} * width, CopyKernel,
                   CopyArgs{from, nullptr, from_stride, first, to, width, count});
}

int GatherRows(const float* from, const uint32_t* rows, uint32_t count, uint32_t width, float* to) {
  return LaunchFor(uint64_t{count} * width, CopyKernel,
                   CopyArgs{from, rows, width, 0, to, width, count});
}

int Add(float* x, const float* added, float scale, uint64_t num_values) {
  return LaunchFor(num_values, AddKernel, AddArgs{x, added, nullptr, scale, 1, num_values});
}

int AddGated(float* x, const float* added, const float* gate, uint32_t count, uint32_t width) {
  const uint64_t num_values = uint64_t{count} * width;
  return LaunchFor(num_values, AddKernel, AddArgs{x, added, gate, 0.0f, width, num_values});
}

int ScaleAndCap(float* x, float divisor, float cap, uint64_t num_values) {
  return LaunchFor(num_values, CapKernel, CapArgs{x, divisor, cap, num_values});
}

int SumExperts(const GgufCudaExpertSum* a) {
  return LaunchFor(uint64_t{a->count} * a->width, SumExpertsKernel, *a);
}

}  // namespace device
}  // namespace gguf
