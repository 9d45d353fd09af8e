#include "tools/benchmark_steps/read_result.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "google/protobuf/util/json_util.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxResultBytes = uint64_t{256} << 20;

}  // namespace

absl::StatusOr<gguf_toolchain::BenchmarkResult> ReadBenchmarkResult(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(path, kMaxResultBytes));
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  gguf_toolchain::BenchmarkResult result;
  const auto status = google::protobuf::util::JsonStringToMessage(text, &result, options);
  if (status.ok() && result.schema_version() == kSchemaVersion && result.models_size() > 0) {
    return result;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", path, "' is no result of benchmark, expected a report that it wrote as JSON",
      status.ok() ? "" : absl::StrCat(": ", std::string(status.message()))));
}

}  // namespace gguf
