// A tile is 16 rows of 64 bytes. A step of a block: high parts of rows 0 to 15, of rows 16 to 31,
// then the low parts of both: a tile each, a row of which is 32 columns. A step of a panel:
// likewise for tokens, a row of which is columns 2p and 2p + 1 of 16 tokens.

#include "runtime/ops/amx.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__linux__)
#define GGUF_HAVE_AMX 1
#include <cpuid.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12, of its own _mm512_undefined
#endif
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define GGUF_HAVE_AMX 0
#endif

namespace gguf {

#if GGUF_HAVE_AMX
namespace {

#define GGUF_AMX_TARGET \
  __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr size_t kTileValues = 16 * 32;          // 16-bit
constexpr size_t kStepValues = 4 * kTileValues;  // of a block or of a panel

bool MayUseTiles() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kAvx512Bf16 = 1u << 5;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & kBf16) == 0 || (edx & kTile) == 0) return false;
  if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((eax & kAvx512Bf16) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // of arch_prctl, for all threads
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// The high and low parts of 32 floats.
struct Parts {
  __m512i high, low;
};

// The nearest bfloat16 as a float, ties to even.
GGUF_AMX_TARGET inline __m512 RoundToBfloat16(__m512 values) {
  const __m512i bits = _mm512_castps_si512(values);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7FFF));
  return _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(-65536)));
}

GGUF_AMX_TARGET inline Parts Split(__m512 first, __m512 second) {
  const __m512 first_high = RoundToBfloat16(first);
  const __m512 second_high = RoundToBfloat16(second);
  const __m512bh high = _mm512_cvtne2ps_pbh(second_high, first_high);
  const __m512bh low =
      _mm512_cvtne2ps_pbh(_mm512_sub_ps(second, second_high), _mm512_sub_ps(first, first_high));
  return {reinterpret_cast<__m512i>(high), reinterpret_cast<__m512i>(low)};
}

// The parts of values [0, count) of a step, zeros behind.
GGUF_AMX_TARGET inline Parts SplitStep(const float* values, size_t count) {
  const auto mask = [](size_t n) {
    return static_cast<__mmask16>(n >= 16 ? 0xFFFF : (1 << n) - 1);
  };
  const __m512 first = _mm512_maskz_loadu_ps(mask(count), values);
  const size_t rest = count > 16 ? count - 16 : 0;
  return Split(first, _mm512_maskz_loadu_ps(mask(rest), values + 16));
}

// Eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64, "as the processor reads it");
constexpr TileConfig kTiles;

// One block of 32 rows with one panel of 32 tokens. Tiles 0 to 3 are sums, 4 and 5 weights, 6 and 7
// activations.
template <bool kIsFull>
GGUF_AMX_TARGET void MultiplyBlock(const uint16_t* block, const uint16_t* panel, size_t num_steps,
                                   float* c, size_t c_stride) {
  const size_t stride = c_stride * sizeof(float);
  _tile_loadd(0, c, stride);
  _tile_loadd(1, c + 16, stride);
  _tile_loadd(2, c + 16 * c_stride, stride);
  _tile_loadd(3, c + 16 * c_stride + 16, stride);
  for (size_t step = 0; step < num_steps; ++step) {
    const uint16_t* w = block + step * kStepValues;
    const uint16_t* x = panel + step * kStepValues;
    _tile_loadd(4, w, 64);
    _tile_loadd(5, w + kTileValues, 64);
    _tile_loadd(6, x, 64);  // high parts of both
    _tile_loadd(7, x + kTileValues, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    if constexpr (kIsFull) {
      _tile_loadd(6, x + 2 * kTileValues, 64);  // high of weights, low of activations
      _tile_loadd(7, x + 3 * kTileValues, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
      _tile_loadd(4, w + 2 * kTileValues, 64);  // low, high
      _tile_loadd(5, w + 3 * kTileValues, 64);
      _tile_loadd(6, x, 64);
      _tile_loadd(7, x + kTileValues, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, stride);
  _tile_stored(1, c + 16, stride);
  _tile_stored(2, c + 16 * c_stride, stride);
  _tile_stored(3, c + 16 * c_stride + 16, stride);
}

}  // namespace

bool HasAmx() {
  static const bool has = MayUseTiles();
  return has;
}

GGUF_AMX_TARGET void AmxPackActivations(const float* in, size_t row_stride, size_t count,
                                        size_t depth, uint16_t* out) {
  const __m512i down = _mm512_slli_epi32(
      _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 6);  // 64-byte rows
  for (size_t k = 0; k < depth; k += kAmxDepth) {
    uint16_t* step = out + k / kAmxDepth * kStepValues;
    for (size_t t = 0; t < kAmxTokens; ++t) {
      const size_t valid = t < count ? depth - k : 0;
      const Parts parts = SplitStep(in + std::min(t, count - 1) * row_stride + k, valid);
      uint16_t* tile = step + t / 16 * kTileValues + t % 16 * 2;
      _mm512_i32scatter_epi32(tile, down, parts.high, 1);
      _mm512_i32scatter_epi32(tile + 2 * kTileValues, down, parts.low, 1);
    }
  }
}

GGUF_AMX_TARGET void AmxPackWeights(const float* values, size_t row, size_t depth,
                                    uint16_t* block) {
  for (size_t k = 0; k < depth; k += kAmxDepth) {
    const Parts parts = SplitStep(values + k, depth - k);
    uint16_t* at = block + k / kAmxDepth * kStepValues + row * 32;
    _mm512_storeu_si512(at, parts.high);
    _mm512_storeu_si512(at + 2 * kTileValues, parts.low);
  }
}

GGUF_AMX_TARGET void AmxBegin() { _tile_loadconfig(&kTiles); }
GGUF_AMX_TARGET void AmxEnd() { _tile_release(); }

GGUF_AMX_TARGET void AmxMultiply(const uint16_t* blocks, size_t num_blocks, size_t block_values,
                                 const uint16_t* panel, size_t depth, bool is_full, float* c,
                                 size_t c_stride) {
  const auto multiply = is_full ? MultiplyBlock<true> : MultiplyBlock<false>;
  for (size_t b = 0; b < num_blocks; ++b) {
    multiply(blocks + b * block_values, panel, AmxDepth(depth) / kAmxDepth,
             c + b * kAmxRows * c_stride, c_stride);
  }
}

#else

bool HasAmx() { return false; }
void AmxPackActivations(const float*, size_t, size_t, size_t, uint16_t*) {}
void AmxPackWeights(const float*, size_t, size_t, uint16_t*) {}
void AmxBegin() {}
void AmxEnd() {}
void AmxMultiply(const uint16_t*, size_t, size_t, const uint16_t*, size_t, bool, float*, size_t) {}

#endif

}  // namespace gguf
