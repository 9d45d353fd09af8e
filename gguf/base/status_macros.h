// Early return of absl::Status, the only way errors travel in this project.

#ifndef GGUF_TOOLCHAIN_GGUF_BASE_STATUS_MACROS_H_
#define GGUF_TOOLCHAIN_GGUF_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expr` from the enclosing function unless it is OK.
#define GGUF_RETURN_IF_ERROR(expr)                     \
  do {                                                 \
    absl::Status gguf_status_ = (expr);                \
    if (!gguf_status_.ok()) return gguf_status_;       \
  } while (false)

// GGUF_ASSIGN_OR_RETURN(auto x, F()): x = *F(), or returns F()'s status.
#define GGUF_ASSIGN_OR_RETURN(lhs, expr) \
  GGUF_ASSIGN_OR_RETURN_IMPL_(GGUF_CONCAT_(gguf_statusor_, __LINE__), lhs, expr)
#define GGUF_ASSIGN_OR_RETURN_IMPL_(statusor, lhs, expr) \
  auto statusor = (expr);                                \
  if (!statusor.ok()) return statusor.status();          \
  lhs = *std::move(statusor)
#define GGUF_CONCAT_(a, b) GGUF_CONCAT_INNER_(a, b)
#define GGUF_CONCAT_INNER_(a, b) a##b

#endif  // GGUF_TOOLCHAIN_GGUF_BASE_STATUS_MACROS_H_
