// The encoders of one type at the higher efforts, which differ in how far they search.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_EFFORT_ENCODERS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_EFFORT_ENCODERS_H_

#include <cstddef>
#include <cstdint>

// Defines Encode<type>Standard and Encode<type>Max by `fast` (an expression with
// HWY_DYNAMIC_DISPATCH will do), Encode<type>StandardScalar and Encode<type>MaxScalar by `scalar`.
// Both are called with `standard` or `max`, what they take for the plan of a search, then the
// arguments of EncodeRows (encoder.h).
#define GGUF_DEFINE_EFFORT_ENCODERS(type, fast, scalar, standard, max)                             \
  void Encode##type##Standard(const float* rows, size_t num_rows, size_t columns,                  \
                              const float* weights, uint8_t* out) {                                \
    fast(standard, rows, num_rows, columns, weights, out);                                         \
  }                                                                                                \
  void Encode##type##StandardScalar(const float* rows, size_t num_rows, size_t columns,            \
                                    const float* weights, uint8_t* out) {                          \
    scalar(standard, rows, num_rows, columns, weights, out);                                       \
  }                                                                                                \
  void Encode##type##Max(const float* rows, size_t num_rows, size_t columns, const float* weights, \
                         uint8_t* out) {                                                           \
    fast(max, rows, num_rows, columns, weights, out);                                              \
  }                                                                                                \
  void Encode##type##MaxScalar(const float* rows, size_t num_rows, size_t columns,                 \
                               const float* weights, uint8_t* out) {                               \
    scalar(max, rows, num_rows, columns, weights, out);                                            \
  }                                                                                                \
  static_assert(true, "")  // takes the semicolon

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_EFFORT_ENCODERS_H_
