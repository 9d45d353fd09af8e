// A tile is 16 rows of 64 bytes. A step of a block: the first parts of rows 0 to 15, of rows 16 to
// 31, then the second parts of both, then the third: a tile each, a row of which is 32 columns. A
// step of a panel: likewise for tokens, a row of which is columns 2p and 2p + 1 of 16 tokens.

#include "runtime/ops/amx.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__linux__)
#define GGUF_HAVE_AMX 1
#include <cpuid.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12, of its own _mm512_undefined
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
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

constexpr size_t kTileValues = 16 * 32;  // 16-bit

// 16-bit values of a step of a block or of a panel.
constexpr size_t StepValues(int parts) { return 2 * parts * kTileValues; }

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

GGUF_AMX_TARGET inline __mmask16 FirstOf(size_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xFFFF : (1u << n) - 1);
}

// 32 floats of a step, of which the first `count` are read and the others zero.
struct Step {
  __m512 first, second;
};
GGUF_AMX_TARGET inline Step LoadStep(const float* values, size_t count) {
  if (count >= 32) return {_mm512_loadu_ps(values), _mm512_loadu_ps(values + 16)};
  const size_t rest = count > 16 ? count - 16 : 0;
  return {_mm512_maskz_loadu_ps(FirstOf(count), values),
          rest == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(FirstOf(rest), values + 16)};
}

// The nearest bfloat16 as a float, ties to even.
GGUF_AMX_TARGET inline __m512 RoundToBfloat16(__m512 values) {
  const __m512i bits = _mm512_castps_si512(values);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7FFF));
  return _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(-65536)));
}

// The first part of each, which is taken off.
template <bool kIsLast>
GGUF_AMX_TARGET inline __m512i TakePart(Step* step) {
  const __m512i part = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(step->second, step->first));
  if constexpr (!kIsLast) {
    step->first = _mm512_sub_ps(step->first, RoundToBfloat16(step->first));
    step->second = _mm512_sub_ps(step->second, RoundToBfloat16(step->second));
  }
  return part;
}

// Turns 16 rows of 16 words of 32 bits: word i of rows[j] becomes word j of rows[i].
GGUF_AMX_TARGET inline void Turn(__m512i rows[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {  // pairs of words of two rows
    t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // columns of four rows, in each 128 bits
    rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // quarters of eight rows: even and odd ones
    t[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xDD);
    t[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xDD);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
    rows[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    rows[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
  }
}

GGUF_AMX_TARGET inline void StoreTile(const __m512i rows[16], uint16_t* tile) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) _mm512_store_si512(tile + 32 * i, rows[i]);
}

// One step of up to 16 tokens into tiles of a panel, parts behind those of all tokens.
template <int kParts>
GGUF_AMX_TARGET inline void PackTokens(const float* in, size_t row_stride, size_t count,
                                       size_t depth, uint16_t* tile) {
  __m512i parts[kParts][16];
  for (size_t t = 0; t < 16; ++t) {
    Step step = t < count ? LoadStep(in + t * row_stride, depth)
                          : Step{_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int i = 0; i + 1 < kParts; ++i) parts[i][t] = TakePart<false>(&step);
    parts[kParts - 1][t] = TakePart<true>(&step);
  }
  for (int i = 0; i < kParts; ++i) {
    Turn(parts[i]);
    StoreTile(parts[i], tile + 2 * i * kTileValues);
  }
}

template <int kParts>
GGUF_AMX_TARGET void PackWeights(const float* values, size_t depth, uint16_t* at) {
  for (size_t k = 0; k < depth; k += kAmxDepth, at += StepValues(kParts)) {
    Step step = LoadStep(values + k, depth - k);
    for (int i = 0; i + 1 < kParts; ++i) {
      _mm512_store_si512(at + 2 * i * kTileValues, TakePart<false>(&step));
    }
    _mm512_store_si512(at + 2 * (kParts - 1) * kTileValues, TakePart<true>(&step));
  }
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

// What the tiles of activations and of weights hold is loaded before the product of two parts.
enum Loads { kNewActivations = 1, kNewWeights = 2, kBoth = 3 };

// Sums += part kWeights of a step of weights times part kActivations of activations. Tiles 0 to 3
// are sums, 4 and 5 weights, 6 and 7 activations.
template <int kWeights, int kActivations, Loads kLoads>
GGUF_AMX_TARGET inline void AddProduct(const uint16_t* w, const uint16_t* x) {
  if constexpr ((kLoads & kNewActivations) != 0) {
    _tile_loadd(6, x + 2 * kActivations * kTileValues, 64);
    _tile_loadd(7, x + (2 * kActivations + 1) * kTileValues, 64);
  }
  if constexpr ((kLoads & kNewWeights) != 0) {
    _tile_loadd(4, w + 2 * kWeights * kTileValues, 64);
    _tile_loadd(5, w + (2 * kWeights + 1) * kTileValues, 64);
  }
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

// All products of parts that count, each of which shares an operand with the one before.
template <int kWeights, int kActivations>
GGUF_AMX_TARGET inline void AddProducts(const uint16_t* w, const uint16_t* x) {
  if constexpr (kActivations == 1) {
    AddProduct<0, 0, kBoth>(w, x);
  } else if constexpr (kWeights == 1) {
    AddProduct<0, 2, kBoth>(w, x);
    AddProduct<0, 1, kNewActivations>(w, x);
    AddProduct<0, 0, kNewActivations>(w, x);
  } else {
    AddProduct<0, 2, kBoth>(w, x);
    AddProduct<0, 1, kNewActivations>(w, x);
    AddProduct<1, 1, kNewWeights>(w, x);
    AddProduct<1, 0, kNewActivations>(w, x);
    AddProduct<0, 0, kNewWeights>(w, x);
    if constexpr (kWeights == 3) AddProduct<2, 0, kNewWeights>(w, x);
  }
}

// One block of 32 rows with one panel of 32 tokens.
template <int kWeights, int kActivations>
GGUF_AMX_TARGET void MultiplyBlock(const uint16_t* block, const uint16_t* panel, size_t num_steps,
                                   float* c, size_t c_stride) {
  const size_t stride = c_stride * sizeof(float);
  _tile_loadd(0, c, stride);
  _tile_loadd(1, c + 16, stride);
  _tile_loadd(2, c + 16 * c_stride, stride);
  _tile_loadd(3, c + 16 * c_stride + 16, stride);
  for (size_t step = 0; step < num_steps; ++step) {
    AddProducts<kWeights, kActivations>(block + step * StepValues(kWeights),
                                        panel + step * StepValues(kActivations));
  }
  _tile_stored(0, c, stride);
  _tile_stored(1, c + 16, stride);
  _tile_stored(2, c + 16 * c_stride, stride);
  _tile_stored(3, c + 16 * c_stride + 16, stride);
}

using MultiplyFunction = void (*)(const uint16_t*, const uint16_t*, size_t, float*, size_t);

MultiplyFunction MultiplyOf(AmxParts parts) {
  if (parts.activations == 1) return MultiplyBlock<1, 1>;
  constexpr MultiplyFunction kByWeights[] = {MultiplyBlock<1, 3>, MultiplyBlock<2, 3>,
                                             MultiplyBlock<3, 3>};
  return kByWeights[parts.weights - 1];
}

}  // namespace

bool HasAmx() {
  static const bool has = MayUseTiles();
  return has;
}

void AmxPackActivations(const float* in, size_t row_stride, size_t count, size_t depth, int parts,
                        uint16_t* out) {
  const auto pack = parts == 3 ? PackTokens<3> : PackTokens<1>;
  for (size_t k = 0; k < depth; k += kAmxDepth, out += StepValues(parts)) {
    for (size_t t = 0; t < kAmxTokens; t += 16) {
      const size_t first = std::min(t, count - 1);  // never a row that does not exist
      pack(in + first * row_stride + k, row_stride, count > t ? count - t : 0, depth - k,
           out + t / 16 * kTileValues);
    }
  }
}

void AmxPackWeights(const float* values, size_t row, size_t depth, int parts, uint16_t* block) {
  constexpr void (*kByParts[])(const float*, size_t, uint16_t*) = {PackWeights<1>, PackWeights<2>,
                                                                   PackWeights<3>};
  kByParts[parts - 1](values, depth, block + row * 32);
}

GGUF_AMX_TARGET void AmxStoreTurned(const float* sums, size_t stride, size_t rows, size_t count,
                                    const float* bias, float* out, size_t out_stride) {
  for (size_t t = 0; t < count; t += 16) {
    for (size_t r = 0; r < rows; r += 16) {
      const __mmask16 mask = FirstOf(rows - r);
      __m512i tile[16];
      for (size_t i = 0; i < 16; ++i) tile[i] = _mm512_loadu_si512(sums + (r + i) * stride + t);
      Turn(tile);
      const __m512 added =
          bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, bias + r);
      for (size_t i = 0; i < std::min<size_t>(16, count - t); ++i) {
        const __m512 values = _mm512_add_ps(_mm512_castsi512_ps(tile[i]), added);
        _mm512_mask_storeu_ps(out + (t + i) * out_stride + r, mask, values);
      }
    }
  }
}

GGUF_AMX_TARGET void AmxBegin() { _tile_loadconfig(&kTiles); }
GGUF_AMX_TARGET void AmxEnd() { _tile_release(); }

void AmxMultiply(const uint16_t* blocks, size_t num_blocks, size_t block_values,
                 const uint16_t* panel, size_t depth, AmxParts parts, float* c, size_t c_stride) {
  const MultiplyFunction multiply = MultiplyOf(parts);
  for (size_t b = 0; b < num_blocks; ++b) {
    multiply(blocks + b * block_values, panel, AmxDepth(depth) / kAmxDepth,
             c + b * kAmxRows * c_stride, c_stride);
  }
}

#else

bool HasAmx() { return false; }
void AmxPackActivations(const float*, size_t, size_t, size_t, int, uint16_t*) {}
void AmxPackWeights(const float*, size_t, size_t, int, uint16_t*) {}
void AmxBegin() {}
void AmxEnd() {}
void AmxMultiply(const uint16_t*, size_t, size_t, const uint16_t*, size_t, AmxParts, float*,
                 size_t) {}
void AmxStoreTurned(const float*, size_t, size_t, size_t, const float*, float*, size_t) {}

#endif

}  // namespace gguf
