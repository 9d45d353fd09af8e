// What the programs and the device libraries agree on: a C interface, so that the two need not
// share a compiler.
//
// All pointers in operations are device memory unless they say "host". Matrices are row-major.
// Operations are asynchronous and run in the order of their calls; they return 0 or an error for
// `error_text`. One thread calls at a time.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_BACKEND_API_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_BACKEND_API_H_

#include <stddef.h>
#include <stdint.h>

// Raised whenever anything below changes; the loader refuses a library of another version.
#define GGUF_CUDA_API_VERSION 1

extern "C" {

typedef struct GgufCudaDevice {
  char name[128];
  uint64_t memory_bytes;
  uint64_t free_bytes;
  int32_t major, minor;  // compute capability
  int32_t num_processors;
} GgufCudaDevice;

// out[i][r] = bias[r] + sum over k of x[i][k] * weights[r][k], for tokens i < count.
typedef struct GgufCudaProduct {
  const uint8_t* weights;  // [matrices][rows][columns] in blocks, aligned to 16 bytes
  uint64_t matrix_bytes;   // from one matrix of a stack to the next
  const float* bias;       // [matrices][rows], or null
  uint32_t rows, columns;  // whole blocks divide the columns
  const float* x;          // [count][columns], aligned to 16 bytes
  uint32_t count;
  float* out;  // [count][rows]
  // Where tokens differ in their matrix: group g is tokens [group_first[g], group_first[g + 1]),
  // all of matrix group_matrix[g]. Null with num_groups 1: all tokens, the first matrix.
  uint32_t num_groups;
  uint32_t largest_group;        // tokens of it; `count` of one group
  const uint32_t* group_matrix;  // [num_groups]
  const uint32_t* group_first;   // [num_groups + 1]
  // Of many tokens: 1 multiplies weights and activations as pairs of bfloat16 (an error of some
  // 2^-16 per value), 0 as single ones (2^-9). Few tokens are multiplied in float.
  int32_t is_full;
} GgufCudaProduct;

// The kernels of a tensor type.
typedef struct GgufCudaTypeKernels {
  uint32_t type;  // id in GGUF files
  int (*multiply)(const GgufCudaProduct* product);
  // out[i] = value i, for i < num_values (whole blocks).
  int (*decode)(const uint8_t* blocks, uint64_t num_values, float* out);
} GgufCudaTypeKernels;

typedef struct GgufCudaNorm {
  const float* x;       // [rows][size]
  const float* weight;  // [size]
  const float* bias;    // [size]: layer norm; null: RMS norm
  uint32_t rows, size;
  float epsilon;
  float* out;  // [rows][size]; may be x
} GgufCudaNorm;

// Pairs (step * i, step * i + distance) of each head turn by the angle whose cosine and sine are at
// [token][i].
typedef struct GgufCudaRotation {
  float* heads;  // [count][num_heads][head_size]
  const float *cosines, *sines;
  uint32_t count, num_heads, head_size, pairs, step, distance;
} GgufCudaRotation;

// out[i][j] = f(gate[i][j], up[i][j]); kinds in the order of gguf::Activation.
typedef struct GgufCudaActivation {
  uint32_t kind;
  const float* gate;
  const float* up;  // null: none
  float* out;       // [count][width]; may be gate when their strides agree
  uint32_t count, width, gate_stride, up_stride;
} GgufCudaActivation;

// Encodes rows [count][width] into rows `cells[i]` of a cache; types are those of caches.
typedef struct GgufCudaStore {
  uint32_t type;
  const float* rows;
  uint32_t count, width;
  const uint32_t* cells;
  uint8_t* data;
  uint64_t row_bytes;
} GgufCudaStore;

typedef struct GgufCudaCacheRows {
  uint32_t type;
  const uint8_t* data;
  uint64_t row_bytes, head_bytes;  // row c: all kv heads of cell c
} GgufCudaCacheRows;

// Softmax attention (runtime/ops/attention.h has the formula).
typedef struct GgufCudaAttention {
  const float* queries;  // [count][num_heads][key_length]
  uint32_t count, num_heads, num_kv_heads, key_length, value_length;
  GgufCudaCacheRows keys, values;
  const uint32_t* cells;          // [num_cells], in order of position; null: 0, 1, 2, ...
  const int32_t* cell_positions;  // [num_cells], ascending
  uint32_t num_cells;
  const int32_t *seen_begin, *seen_end;  // [count]: a query sees positions [begin, end)
  float scale, cap;                      // cap 0: none
  const float* sinks;                    // [num_heads], or null
  uint32_t num_splits;                   // parts that the cells are worked on in, at least 1
  // num_splits * count * num_heads * (value_length + 2) floats.
  float* scratch;
  float* out;  // [count][num_heads][value_length]
} GgufCudaAttention;

// out[i] = sum over u of weights[i][u] * rows[slots[i][u]], u ascending; rows of `width` values.
typedef struct GgufCudaExpertSum {
  const float* rows;
  const uint32_t* slots;
  const float* weights;
  uint32_t count, used, width;
  float* out;
} GgufCudaExpertSum;

typedef struct GgufCudaApi {
  uint32_t version;
  uint32_t num_types;
  const GgufCudaTypeKernels* types;
  // 0 without a GPU or a driver, never an error; *reason (host, static) then says what is missing.
  int (*device_count)(const char** reason);
  int (*device_info)(int device, GgufCudaDevice* info);
  int (*select_device)(int device);
  const char* (*error_text)(int error);

  int (*allocate)(uint64_t num_bytes, void** out);  // aligned to 256 bytes
  void (*release)(void* memory);
  int (*upload)(void* to, const void* host, uint64_t num_bytes);      // `host` may change on return
  int (*download)(void* host, const void* from, uint64_t num_bytes);  // waits for what was asked

  int (*norm)(const GgufCudaNorm*);
  int (*rotate)(const GgufCudaRotation*);
  int (*activate)(const GgufCudaActivation*);
  int (*store)(const GgufCudaStore*);
  int (*attend)(const GgufCudaAttention*);
  int (*sum_experts)(const GgufCudaExpertSum*);
  // to[i][j] = from[i][first + j]
  int (*copy_columns)(const float* from, uint32_t from_stride, uint32_t first, float* to,
                      uint32_t width, uint32_t count);
  // to[i] = from[rows[i]], rows of `width` values
  int (*gather_rows)(const float* from, const uint32_t* rows, uint32_t count, uint32_t width,
                     float* to);
  // x[i] += scale * added[i]
  int (*add)(float* x, const float* added, float scale, uint64_t num_values);
  // x[i][j] += added[i][j] / (1 + exp(-gate[i]))
  int (*add_gated)(float* x, const float* added, const float* gate, uint32_t count, uint32_t width);
  // x[i] = x[i] / divisor, then cap * tanh(x[i] / cap) unless cap is 0
  int (*scale_and_cap)(float* x, float divisor, float cap, uint64_t num_values);
} GgufCudaApi;

// The one symbol that libgguf_cuda.so exports.
typedef const GgufCudaApi* (*GgufCudaGetApi)(void);

// What libgguf_cuda_iq.so has: more types.
typedef struct GgufCudaIqApi {
  uint32_t version;
  uint32_t num_types;
  const GgufCudaTypeKernels* types;
} GgufCudaIqApi;
typedef const GgufCudaIqApi* (*GgufCudaGetIqApi)(void);

}  // extern "C"

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_BACKEND_API_H_
