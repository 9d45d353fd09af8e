#include "tools/cli/write_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/io/zstd_frames.h"
#include "quantize/write.h"
#include "tools/cli/progress.h"
#include "tools/cli/write_statements.h"
#include "tools/report/render.h"
#include "tools/report/write_result.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxTensorsPerShard = 1000000000;
constexpr size_t kShardSuffix = sizeof("-00001-of-00003") - 1;

absl::Status WriteReportFile(const gguf_toolchain::WriteResult& result, const std::string& path,
                             bool replace) {
  GGUF_ASSIGN_OR_RETURN(const std::string text, RenderReport(result, path));
  return WriteTextFile(text, path, replace);
}

void PrintTensors(const gguf_toolchain::WriteResult& result) {
  for (const gguf_toolchain::OutputResult& output : result.outputs()) {
    size_t width = 0;
    for (const auto& tensor : output.tensors()) width = std::max(width, tensor.name().size());
    for (const auto& tensor : output.tensors()) {
      std::fprintf(stderr, "  %-*s  %7s -> %-7s  %10s%s%s", static_cast<int>(width),
                   Printable(tensor.name()).c_str(), tensor.source_type().c_str(),
                   tensor.type().c_str(), FormatSize(static_cast<uint64_t>(tensor.bytes())).c_str(),
                   tensor.is_fallback() ? "  (fallback)" : "",
                   tensor.has_importance() ? "  (importance)" : "");
      if (result.is_verified()) {
        std::fprintf(stderr, "  relative RMSE %.5f", tensor.error().relative_rmse());
      }
      std::fprintf(stderr, "\n");
    }
  }
}

absl::Status Print(const gguf_toolchain::WriteResult& result, const CommonOptions& common) {
  if (common.verbose && !common.quiet) PrintTensors(result);
  if (common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }
  return common.quiet ? absl::OkStatus() : PrintResult(ToText(result));
}

// Refuses reports that could not be written, or would replace something, before hours of work.
absl::Status CheckReports(absl::Span<const WriteGroup> groups,
                          const gguf_toolchain::WriteResult& result,
                          const WriteCommandOptions& options) {
  absl::flat_hash_set<std::string> taken;
  for (const auto& output : result.outputs()) {
    taken.insert(output.paths().begin(), output.paths().end());
    if (!output.provenance().empty()) taken.insert(output.provenance());
  }
  for (const std::string& path : options.reports) {
    const absl::StatusOr<std::string> rendered = RenderReport(result, path);
    if (!rendered.ok()) return UsageError(rendered.status().message());
    if (!taken.insert(path).second) {
      return UsageError(absl::StrCat("report '", path, "' is also another output of this run"));
    }
    for (const WriteGroup& group : groups) {
      for (const std::string& input : group.source->input_paths()) {
        if (!IsSameFile(path, input)) continue;
        return absl::InvalidArgumentError(
            absl::StrCat("report '", path, "' is also an input; choose another name"));
      }
    }
    // Removed again; the final report is a little larger.
    GGUF_RETURN_IF_ERROR(OutputFile::Create(path, rendered->size(), {options.force}).status());
  }
  return absl::OkStatus();
}

// Of the source's tensors, each once however many outputs have it.
uint64_t BytesToRead(absl::Span<const PlannedOutput> outputs) {
  absl::flat_hash_set<size_t> seen;
  uint64_t bytes = 0;
  for (const PlannedOutput& output : outputs) {
    for (const PlannedTensor& tensor : output.plan->tensors) {
      if (!seen.insert(tensor.source_index).second) continue;
      bytes += TensorBytes(tensor.source_type, tensor.shape).value_or(0);
    }
  }
  return bytes;
}

uint64_t BytesToVerify(absl::Span<const PlannedOutput> outputs) {
  uint64_t bytes = 0;
  for (const PlannedOutput& output : outputs) {
    if (!output.is_temporary) bytes += output.plan->source_bytes();
  }
  return bytes;
}

absl::StatusOr<WriteOptions> ToWriteOptions(const WriteCommandOptions& options,
                                            const CommonOptions& common) {
  WriteOptions write;
  write.replace = options.force;
  write.verify = options.verify;
  write.resume = options.resume;
  write.note = [quiet = common.quiet](const std::string& note) {
    if (!quiet) std::fprintf(stderr, "%s\n", Printable(note).c_str());
  };
  write.threads = common.threads;
  write.cancelled = &Interrupted();
  if (!options.memory_limit.empty()) {
    const absl::StatusOr<uint64_t> limit = ParseSize(options.memory_limit);
    if (!limit.ok()) {
      return UsageError(absl::StrCat("--memory-limit: ", limit.status().message()));
    }
    write.memory_limit = *limit;
  }
  return write;
}

std::vector<WriteRequest> RequestsOf(absl::Span<const PlannedOutput> outputs) {
  std::vector<WriteRequest> requests;
  for (const PlannedOutput& output : outputs) {
    requests.push_back(
        {output.plan, ExpandType(output.path, output.plan->type_name), output.is_temporary});
  }
  return requests;
}

// Adds what `from` says of the outputs that stay.
void Append(absl::Span<const PlannedOutput> outputs, WriteReport from, WriteReport* to) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].is_temporary) to->outputs.push_back(std::move(from.outputs[i]));
  }
  to->warnings.insert(to->warnings.end(), from.warnings.begin(), from.warnings.end());
}

// Writes all groups; `report` gets what is to be said of their outputs.
absl::Status Write(absl::Span<const WriteGroup> groups, absl::string_view program,
                   const WriteCommandOptions& options, const CommonOptions& common,
                   WriteReport* report) {
  GGUF_ASSIGN_OR_RETURN(WriteOptions write, ToWriteOptions(options, common));
  write.program = absl::StrCat(program, " ", kVersion);
  size_t num_before = 0;  // outputs of earlier groups
  if (options.check) {
    write.check = [&](size_t index, absl::Span<const std::string> paths,
                      absl::Span<const TensorError> errors) {
      return options.check(num_before + index, paths, errors);
    };
  }
  for (const WriteGroup& group : groups) {
    const TensorSource& source = *group.source;
    ProgressBar progress(program, BytesToRead(group.outputs), common.progress, common.quiet);
    ProgressBar verify("verify", BytesToVerify(group.outputs), common.progress, common.quiet);
    write.progress = &progress;
    write.verify_progress = &verify;
    absl::StatusOr<WriteReport> written = WriteOutputs(source, RequestsOf(group.outputs), write);
    progress.Finish();
    verify.Finish();
    if (options.resume && absl::IsCancelled(written.status())) {
      return InterruptedAfter(
          "what is finished is kept in .partial and .journal files; the same command goes on "
          "there");
    }
    if (!written.ok()) return written.status();
    PrintWarnings(written->warnings, common);
    Append(group.outputs, *std::move(written), report);
    const std::string note = source.reading_note();
    if (common.verbose && !common.quiet && !note.empty()) {
      std::fprintf(stderr, "%s\n", Printable(note).c_str());
    }
    num_before += group.outputs.size();
  }
  return absl::OkStatus();
}

// What is known before the work: plans and questionable inputs.
gguf_toolchain::WriteResult Describe(absl::Span<const WriteGroup> groups, absl::string_view input,
                                     absl::string_view program, bool is_dry_run) {
  std::vector<WriteRequest> requests;
  for (const WriteGroup& group : groups) {
    for (WriteRequest& request : RequestsOf(group.outputs)) {
      if (!request.is_temporary) requests.push_back(std::move(request));
    }
  }
  gguf_toolchain::WriteResult result = DescribePlans(requests);
  result.set_program(std::string(program));
  result.set_version(kVersion);
  result.set_input(std::string(input));
  result.set_is_dry_run(is_dry_run);
  int output = 0;
  for (const WriteGroup& group : groups) {
    for (const std::string& warning : group.source->warnings()) result.add_warnings(warning);
    for (const PlannedOutput& planned : group.outputs) {
      if (planned.is_temporary) continue;
      if (groups.size() > 1) result.mutable_outputs(output)->set_source(group.source->name());
      ++output;
    }
  }
  return result;
}

std::vector<std::string> InputPaths(absl::Span<const WriteGroup> groups) {
  std::vector<std::string> paths;
  for (const WriteGroup& group : groups) {
    for (std::string& path : group.source->input_paths()) paths.push_back(std::move(path));
  }
  return paths;
}

// Before any work: outputs may be in the way of an input, of each other, of what is there.
absl::Status CheckTogether(absl::Span<const WriteGroup> groups,
                           const WriteCommandOptions& options) {
  std::vector<WriteRequest> requests;
  for (const WriteGroup& group : groups) {
    for (WriteRequest& request : RequestsOf(group.outputs)) requests.push_back(std::move(request));
  }
  for (const WriteGroup& group : groups) {
    GGUF_RETURN_IF_ERROR(CheckOutputs(*group.source, requests, options.force || options.resume));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckNotZstd(absl::string_view path) {
  if (!absl::EndsWith(path, kZstdSuffix)) return absl::OkStatus();
  return UsageError(absl::StrCat("output '", path,
                                 "': files are written by position and cannot be compressed on "
                                 "the way; write the .gguf, then use gguf compress"));
}

void AddWriteOptions(CLI::App* app, WriteCommandOptions* options) {
  app->add_flag("--force", options->force, "replace existing outputs");
  auto* dry_run =
      app->add_flag("--dry-run", options->dry_run, "print types and exact sizes, write nothing");
  app->add_flag("--verify", options->verify,
                "read the output again and report the error of each tensor")
      ->excludes(dry_run);
  app->add_flag("--resume", options->resume,
                "go on where an interrupted run of the same command stopped; when this one is "
                "interrupted, keep what is finished")
      ->excludes(dry_run);
  app->add_flag(
      "--provenance", options->provenance,
      "also write OUTPUT.provenance.json: what it was made from, with SHA-256 of all files");
  options->app = app;
  app->add_option("--report", options->reports, "also write the result to FILE.json, .md or .html")
      ->allow_extra_args(false)
      ->type_name("FILE");
  app->add_option("--memory-limit", options->memory_limit,
                  "resident memory of the whole run, such as 512MiB [no limit]")
      ->type_name("SIZE");
  app->add_option("--split-max-size", options->split_max_size,
                  "tensor data per shard, such as 2G [one file]")
      ->type_name("SIZE");
  app->add_option("--split-max-tensors", options->split_max_tensors, "tensors per shard [one file]")
      ->check(CLI::Range(uint64_t{1}, kMaxTensorsPerShard));
  app->add_flag("--no-tensor-first-split", options->no_tensor_first_split,
                "the first shard holds metadata only");
}

absl::Status CheckValuesGiven(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      if (!value.empty()) continue;
      return UsageError(absl::StrCat(option->get_name(), " is given an empty value"));
    }
  }
  return absl::OkStatus();
}

bool HasSplitOption(const WriteCommandOptions& options) {
  return options.split_max_tensors != 0 || !options.split_max_size.empty() ||
         options.no_tensor_first_split;
}

absl::StatusOr<SplitOptions> ParseSplitOptions(const WriteCommandOptions& options) {
  SplitOptions split;
  split.max_tensors = options.split_max_tensors;
  split.no_tensor_first_split = options.no_tensor_first_split;
  if (!options.split_max_size.empty()) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(options.split_max_size);
    if (!bytes.ok()) {
      return UsageError(absl::StrCat("--split-max-size: ", bytes.status().message()));
    }
    if (*bytes == 0) return UsageError("--split-max-size: expected a size above 0");
    split.max_bytes = *bytes;
  }
  return split;
}

std::string DefaultOutput(absl::string_view input) {
  while (input.size() > 1 && absl::EndsWith(input, "/")) input.remove_suffix(1);
  std::string resolved;
  if (input == "." || input == ".." || absl::EndsWith(input, "/.") ||
      absl::EndsWith(input, "/..")) {  // the folder's own name, beside it
    std::error_code error;
    resolved = std::filesystem::canonical(std::string(input), error).string();
    if (!error) input = resolved;
  }
  for (const absl::string_view archive : {".tar.zst", ".tzst"}) {
    if (absl::ConsumeSuffix(&input, archive)) break;
  }
  absl::ConsumeSuffix(&input, kZstdSuffix);
  if (absl::ConsumeSuffix(&input, ".gguf") && input.size() > kShardSuffix) {
    const absl::string_view suffix = input.substr(input.size() - kShardSuffix);
    if (suffix[0] == '-' && absl::ascii_isdigit(suffix[1]) && suffix.substr(6, 4) == "-of-") {
      input.remove_suffix(kShardSuffix);
    }
  }
  return absl::StrCat(input, "-{type}.gguf");
}

absl::Status RunWriteCommand(const TensorSource& source, const std::vector<Plan>& plans,
                             absl::string_view program, absl::string_view output,
                             const WriteCommandOptions& options, const CommonOptions& common) {
  std::vector<PlannedOutput> outputs;
  for (const Plan& plan : plans) outputs.push_back({&plan, std::string(output)});
  return RunWriteCommand(source, outputs, program, options, common);
}

absl::Status RunWriteCommand(const TensorSource& source, absl::Span<const PlannedOutput> outputs,
                             absl::string_view program, const WriteCommandOptions& options,
                             const CommonOptions& common) {
  const WriteGroup group = {&source, {outputs.begin(), outputs.end()}};
  return RunWriteCommand({&group, 1}, source.name(), program, options, common);
}

absl::Status RunWriteCommand(absl::Span<const WriteGroup> groups, absl::string_view input,
                             absl::string_view program, const WriteCommandOptions& options,
                             const CommonOptions& common) {
  for (const WriteGroup& group : groups) {
    for (const PlannedOutput& output : group.outputs) {
      GGUF_RETURN_IF_ERROR(CheckNotZstd(output.path));
    }
  }
  const absl::Time start = absl::Now();
  gguf_toolchain::WriteResult result = Describe(groups, input, program, options.dry_run);
  PrintWarnings({result.warnings().begin(), result.warnings().end()}, common);
  ProvenanceInputs inputs;
  if (options.provenance) {
    GGUF_ASSIGN_OR_RETURN(inputs,
                          PrepareStatements(*options.app, InputPaths(groups), options.reports,
                                            options.force || options.resume, &result));
  }
  GGUF_RETURN_IF_ERROR(CheckReports(groups, result, options));
  if (!options.dry_run) {
    WriteReport report;
    GGUF_RETURN_IF_ERROR(CheckTogether(groups, options));
    if (options.before_write) GGUF_RETURN_IF_ERROR(options.before_write());
    GGUF_RETURN_IF_ERROR(Write(groups, program, options, common, &report));
    AddErrors(report, &result);
    if (options.after_write) GGUF_RETURN_IF_ERROR(options.after_write(&result));
    if (options.provenance) {
      GGUF_RETURN_IF_ERROR(AfterTheWork(
          WriteStatements(result, inputs, options.force || options.resume, common), "provenance"));
    }
  }
  result.set_seconds(absl::ToDoubleSeconds(absl::Now() - start));
  for (const std::string& path : options.reports) {
    GGUF_RETURN_IF_ERROR(AfterTheWork(WriteReportFile(result, path, options.force), "report"));
  }
  return Print(result, common);
}

}  // namespace gguf
