// Advice as a report: the message of `recommend --json`, and the text made of it.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_REPORT_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "tools/advice/advise.h"
#include "tools/advice/model_facts.h"
#include "tools/report/result.pb.h"

namespace gguf {

// `memory_source` says where request.memory comes from; `priority` is the one asked for.
gguf_toolchain::RecommendResult ReportAdvice(const ModelFacts& facts, const AdviceRequest& request,
                                             const Advice& advice, absl::string_view memory_source,
                                             absl::string_view priority);

// For a terminal; something must fit. With `all` also a row for each type that another one
// surpasses in both size and loss.
std::string AdviceText(const gguf_toolchain::RecommendResult& result, bool all);

// One sentence on what is missing, when nothing fits.
std::string NothingFits(const gguf_toolchain::RecommendResult& result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_REPORT_H_
