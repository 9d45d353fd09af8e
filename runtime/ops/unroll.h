// GGUF_UNROLL before a loop of few, constant steps: its arrays of vectors then stay in registers.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_UNROLL_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_UNROLL_H_

#ifdef __clang__
#define GGUF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GGUF_UNROLL _Pragma("GCC unroll 16")
#endif

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_UNROLL_H_
