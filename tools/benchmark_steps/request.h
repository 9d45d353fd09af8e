// What `benchmark` is asked to measure.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_REQUEST_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_REQUEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "quantize/encode/encoder.h"
#include "tools/cli/cli.h"
#include "tools/evaluate_commands/model_options.h"

namespace gguf {

struct BenchmarkRequest {
  CommonOptions common;
  ModelOptions model;               // .model: to quantize to `types`
  std::vector<std::string> models;  // files
  std::string from;                 // instead: a result to render
  std::vector<std::string> types;   // known, all different, upper case
  std::string base;                 // file; empty: the first model
  std::string text, tasks;          // tasks: empty for none
  uint32_t shots = 0;
  uint32_t context = 512, chunks = 0;  // of perplexity
  uint32_t prompt = 512, generated = 64;
  uint32_t repetitions = 3;
  std::string imatrix;
  Effort effort = Effort::kStandard;
  bool allow_requantize = false;
  std::string keep;                  // folder for quantized files; empty: they are removed
  std::vector<std::string> reports;  // the journal lies beside the first
  bool resume = false, force = false;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_REQUEST_H_
