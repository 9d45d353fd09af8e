// The result of writing files, as the message that is printed and reported.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_WRITE_RESULT_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_WRITE_RESULT_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "quantize/plan.h"
#include "quantize/write.h"
#include "tools/report/result.pb.h"

namespace gguf {

void SetError(const TensorError& error, gguf_toolchain::ErrorStats* stats);

// Of plans alone (a dry run): one output per request, no errors.
gguf_toolchain::WriteResult DescribePlans(absl::Span<const WriteRequest> requests);

// Adds what verification measured; `report` is of the same requests.
void AddErrors(const WriteReport& report, gguf_toolchain::WriteResult* result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_WRITE_RESULT_H_
