// What `imatrix --show-statistics` prints.

#ifndef GGUF_TOOLCHAIN_TOOLS_IMATRIX_STATISTICS_H_
#define GGUF_TOOLCHAIN_TOOLS_IMATRIX_STATISTICS_H_

#include <string>

#include "absl/status/statusor.h"
#include "importance/data.h"

namespace gguf {

// Tables of tensors, of layers, and of experts when there are any.
std::string ImportanceStatisticsText(const ImportanceData& data);

// A gguf_toolchain.ImatrixStatistics message.
absl::StatusOr<std::string> ImportanceStatisticsJson(const ImportanceData& data);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_IMATRIX_STATISTICS_H_
