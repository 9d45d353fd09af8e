// Measures which input columns of a model's weights matter, merges such files, and shows what they
// say.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "importance/data.h"
#include "importance/measure.h"
#include "importance/merge.h"
#include "importance/write.h"
#include "runtime/model.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tools/cli/activations_option.h"
#include "tools/cli/cli.h"
#include "tools/cli/device_option.h"
#include "tools/cli/progress.h"
#include "tools/cli/waiting_threads.h"
#include "tools/imatrix_statistics.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Measures on a text which input columns of a model's weights matter, for quantize --imatrix.\n"
    "With --in-file and no text: merges or converts such files, no model being needed.\n"
    "Example: imatrix -m model-f16.gguf -f calibration.txt -o imatrix.gguf";

constexpr uint32_t kDefaultChunkSize = 512;
constexpr int64_t kMaxChunks = int64_t{1} << 40;

struct Flags {
  CommonOptions common;
  std::string model, text, prompt, output = "imatrix.gguf", format = "gguf";
  std::vector<std::string> in_files;
  uint32_t context = kDefaultChunkSize, batch = 2048;
  int64_t output_frequency = 10, save_frequency = 0, first_chunk = 0, chunks = -1;
  ActivationType activations = ActivationType::kF32;
  DeviceOptions device;
  bool process_output = false, perplexity = true, parse_special = false, force = false;
  bool show_statistics = false;
  bool has_context = false, has_format = false;

  bool has_text() const { return !text.empty() || !prompt.empty(); }
};

void AddTextOptions(CLI::App* app, Flags* flags) {
  app->add_option("-m,--model", flags->model, "GGUF file, any shard of a split one")
      ->type_name("FILE");
  CLI::Option* text =
      app->add_option("-f,--file", flags->text, "calibration text")->type_name("TEXT");
  app->add_option("-p,--prompt", flags->prompt, "calibration text on the command line")
      ->excludes(text)
      ->type_name("WORDS");
  app->add_option("-c,--ctx-size", flags->context, "tokens of a chunk")
      ->check(CLI::Range(static_cast<uint32_t>(kLeastObservedRows), kMaxContext))
      ->capture_default_str();
  app->add_option("-b,--batch-size", flags->batch,
                  "tokens at a time; several chunks when it has room for them")
      ->check(CLI::Range(kLeastBatch, kMaxContext))
      ->capture_default_str();
  AddActivationsOption(app, &flags->activations);
  AddDeviceOptions(app, &flags->device);
  app->add_option("--chunk,--from-chunk", flags->first_chunk, "skip so many chunks of the text")
      ->check(CLI::Range(int64_t{0}, kMaxChunks))
      ->capture_default_str();
  app->add_option("--chunks", flags->chunks, "measure at most so many chunks; -1: all")
      ->check(CLI::Range(int64_t{-1}, kMaxChunks))
      ->capture_default_str();
  app->add_flag("--process-output", flags->process_output, "measure output.weight too");
  app->add_flag("--parse-special", flags->parse_special,
                "control tokens such as <|im_end|> in the text are tokens");
  app->add_flag("--ppl,!--no-ppl", flags->perplexity,
                "compute the perplexity on the second half of each chunk [on]");
}

void AddOptions(CLI::App* app, Flags* flags) {
  AddTextOptions(app, flags);
  app->add_option("-o,--output,--output-file", flags->output)
      ->type_name("FILE")
      ->capture_default_str();
  app->add_option("--output-format", flags->format, "gguf, or dat (the legacy format)")
      ->check(CLI::IsMember({"gguf", "dat"}))
      ->capture_default_str();
  app->add_option("--output-frequency", flags->output_frequency,
                  "write the output every N chunks; 0: at the end only")
      ->check(CLI::Range(int64_t{0}, kMaxChunks))
      ->capture_default_str();
  app->add_option("--save-frequency", flags->save_frequency,
                  "also write OUTPUT.at_K every N chunks, K being their number; 0: never")
      ->check(CLI::Range(int64_t{0}, kMaxChunks))
      ->capture_default_str();
  app->add_option("--in-file", flags->in_files,
                  "importance matrix to add, of either format; repeatable, or A,B")
      ->delimiter(',')
      ->type_name("FILE");
  app->add_flag("--show-statistics", flags->show_statistics,
                "print statistics of the one --in-file");
  app->add_flag("--force", flags->force, "replace existing outputs");
  AddCommonOptions(app, /*has_json=*/true, kNothingVerbose, &flags->common);
}

absl::Status CheckUsage(const Flags& flags) {
  if (flags.show_statistics) {
    if (flags.in_files.size() == 1 && !flags.has_text()) return absl::OkStatus();
    return UsageError("--show-statistics needs exactly one --in-file and no text");
  }
  if (!flags.has_text() && flags.in_files.empty()) {
    return UsageError("nothing to do: give a model and a text (-m, -f), or --in-file");
  }
  if (flags.has_text() && flags.model.empty()) {
    return UsageError("a text needs a model to measure: give -m");
  }
  return absl::OkStatus();
}

// Sums of all input files; the entries are empty when there is none.
absl::StatusOr<ImportanceData> MergeInputs(const Flags& flags) {
  std::vector<ImportanceData> inputs;
  for (const std::string& path : flags.in_files) {
    GGUF_ASSIGN_OR_RETURN(ImportanceData data, ReadImportance(path));
    inputs.push_back(std::move(data));
  }
  // Merging alone keeps the size of chunks that the files have.
  uint32_t chunk_size = flags.context;
  if (!flags.has_text() && !flags.has_context) {
    const auto sized = std::find_if(inputs.begin(), inputs.end(),
                                    [](const auto& data) { return data.chunk_size != 0; });
    if (sized != inputs.end()) chunk_size = sized->chunk_size;
  }
  ImportanceData total;
  total.chunk_size = chunk_size;
  total.path = absl::StrJoin(flags.in_files, ", ");
  for (size_t i = 0; i < inputs.size(); ++i) {
    ImportanceData& data = inputs[i];
    for (size_t j = 0; j < i; ++j) GGUF_RETURN_IF_ERROR(CheckSameModel(data, inputs[j]));
    CountTokens(chunk_size, &data);
    GGUF_RETURN_IF_ERROR(MergeImportance(data, &total));
  }
  return total;
}

// Writes importance data under the names the flags give.
class Writer {
 public:
  explicit Writer(const Flags& flags) : flags_(flags), replace_(flags.force) {}

  // Before hours of work: the output is none of the inputs, and may be written.
  absl::Status Check() const {
    std::vector<std::string> inputs = flags_.in_files;
    inputs.insert(inputs.end(), {flags_.model, flags_.text});
    for (const std::string& input : inputs) {
      if (input.empty() || !IsSameFile(input, flags_.output)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "the output '", flags_.output, "' is also an input; choose another name for it"));
    }
    OutputFile::Options create;
    create.replace = flags_.force;
    return OutputFile::Create(flags_.output, 0, create).status();
  }

  absl::Status Write(const ImportanceData& data) {
    GGUF_RETURN_IF_ERROR(WriteTo(flags_.output, replace_, data));
    replace_ = true;  // by this run's next state
    return absl::OkStatus();
  }

  absl::Status WriteSnapshot(const ImportanceData& data) const {
    return WriteTo(absl::StrCat(flags_.output, ".at_", data.chunk_count), flags_.force, data);
  }

 private:
  absl::Status WriteTo(const std::string& path, bool replace, const ImportanceData& data) const {
    WriteImportanceOptions options;
    options.format = flags_.format == "dat" ? ImportanceFormat::kLegacy : ImportanceFormat::kGguf;
    options.replace = replace;
    return WriteImportance(data, path, options);
  }

  const Flags& flags_;
  bool replace_;
};

absl::Status In(absl::string_view name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
}

absl::StatusOr<std::string> ReadText(const Flags& flags) {
  if (flags.text.empty()) return flags.prompt;
  GGUF_ASSIGN_OR_RETURN(std::string text, ReadFileToString(flags.text, kMaxTextBytes));
  if (!text.empty()) return text;
  return absl::InvalidArgumentError(
      absl::StrCat(flags.text, " is empty, expected a text to measure on"));
}

// A model and a text's tokens.
struct Input {
  std::unique_ptr<Model> model;
  std::vector<int32_t> tokens;
  int32_t bos = -1;       // put in front of chunks; -1: nothing is
  DecoderOptions device;  // where it runs
};

absl::StatusOr<Input> OpenInput(const Flags& flags, std::vector<std::string>* warnings) {
  Input input;
  GGUF_RETURN_IF_ERROR(SetDevice(flags.device, &input.device));
  GGUF_ASSIGN_OR_RETURN(input.model, Model::Open(flags.model));
  const auto tokenizer = Tokenizer::Load(input.model->metadata());
  if (!tokenizer.ok()) return In(flags.model, tokenizer.status());
  *warnings = (*tokenizer)->warnings();
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadText(flags));
  EncodeOptions options;
  options.parse_special = flags.parse_special;
  const std::string name = flags.text.empty() ? "the prompt" : flags.text;
  absl::StatusOr<std::vector<int32_t>> tokens = (*tokenizer)->Encode(text, options);
  if (!tokens.ok()) return In(name, tokens.status());
  input.tokens = *std::move(tokens);
  if ((*tokenizer)->add_bos() && (*tokenizer)->bos() >= 0) input.bos = (*tokenizer)->bos();
  const uint32_t trained = input.model->config().context_length;
  if (flags.context > trained) {
    warnings->push_back(absl::StrCat("chunks of ", flags.context, " tokens are longer than the ",
                                     trained, " that ", flags.model, " was trained for"));
  }
  return input;
}

MeasureOptions ToMeasureOptions(const Flags& flags, const Input& input) {
  MeasureOptions options;
  options.context = flags.context;
  options.batch = flags.batch;
  options.threads = flags.common.threads;
  options.activations = flags.activations;
  options.device = input.device.device;
  options.may_leave_device = input.device.may_leave_device;
  options.device_layers = input.device.device_layers;
  options.collector.process_output = flags.process_output;
  options.perplexity = flags.perplexity;
  options.first_chunk = static_cast<uint64_t>(flags.first_chunk);
  if (flags.chunks >= 0) options.max_chunks = static_cast<uint64_t>(flags.chunks);
  options.first_token = input.bos;
  options.cancelled = &Interrupted();
  return options;
}

bool IsMultiple(uint64_t number, int64_t frequency) {
  return frequency != 0 && number % static_cast<uint64_t>(frequency) == 0;
}

struct Outcome {
  ImportanceData data;
  double perplexity = 0.0;
  double perplexity_stderr = 0.0;
};

// Measures a model on a text, on top of what the input files hold, and writes as it goes.
class Run {
 public:
  Run(const Flags& flags, const ImportanceData& inputs, Writer* writer)
      : flags_(flags), inputs_(inputs), writer_(*writer) {}

  absl::StatusOr<Outcome> Measure(const Input& input) {
    const MeasureOptions options = ToMeasureOptions(flags_, input);
    const auto num_chunks = NumChunks(input.tokens.size(), options);
    if (!num_chunks.ok()) {
      return In(flags_.text.empty() ? "the prompt" : flags_.text, num_chunks.status());
    }
    ProgressBar progress("measuring", *num_chunks * flags_.context, flags_.common.progress,
                         flags_.common.quiet, "tokens");
    progress.Advance(0, "");
    const absl::Status status =
        MeasureImportance(*input.model, input.tokens, options, [&](const MeasuredChunk& chunk) {
          progress.Advance(flags_.context, Describe(chunk));
          return AfterChunk(chunk);
        });
    progress.Finish();
    if (absl::IsCancelled(status)) return Interruption(status);
    if (!status.ok()) return status;
    return std::move(outcome_);
  }

 private:
  static std::string Describe(const MeasuredChunk& chunk) {
    const std::string done = absl::StrCat("chunk ", chunk.number, " of ", chunk.num_chunks);
    if (chunk.perplexity == 0.0) return done;
    return absl::StrFormat("%s, perplexity %.4f +- %.4f", done, chunk.perplexity,
                           chunk.perplexity_stderr);
  }

  absl::Status AfterChunk(const MeasuredChunk& chunk) {
    const bool is_last = chunk.number == chunk.num_chunks;
    const bool is_due = is_last || IsMultiple(chunk.number, flags_.output_frequency);
    const bool has_snapshot = IsMultiple(chunk.number, flags_.save_frequency);
    // The first time to find input files of another model before more work is done.
    if (!is_due && !has_snapshot && chunk.number != 1) return absl::OkStatus();
    GGUF_ASSIGN_OR_RETURN(outcome_.data, Total(*chunk.sums));
    outcome_.perplexity = chunk.perplexity;
    outcome_.perplexity_stderr = chunk.perplexity_stderr;
    if (has_snapshot) GGUF_RETURN_IF_ERROR(writer_.WriteSnapshot(outcome_.data));
    if (is_due) {
      GGUF_RETURN_IF_ERROR(writer_.Write(outcome_.data));
      written_here_ = chunk.number;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ImportanceData> Total(const ImportanceSums& sums) const {
    ImportanceData measured = sums.ToData();
    measured.chunk_size = flags_.context;
    measured.path = flags_.model;
    measured.datasets.push_back(flags_.text.empty() ? "prompt" : flags_.text);
    GGUF_RETURN_IF_ERROR(CheckSameModel(inputs_, measured));  // blames the files, not the model
    ImportanceData total = inputs_;
    GGUF_RETURN_IF_ERROR(MergeImportance(measured, &total));
    return total;
  }

  absl::Status Interruption(const absl::Status& status) const {
    if (written_here_ == 0) return status;
    return InterruptedAfter(absl::StrCat(
        "'", flags_.output, "' holds the chunks before ", flags_.first_chunk + written_here_,
        "; continue with --in-file ", flags_.output, " --from-chunk ",
        flags_.first_chunk + written_here_, " and another output"));
  }

  const Flags& flags_;
  const ImportanceData& inputs_;
  Writer& writer_;
  Outcome outcome_;
  uint64_t written_here_ = 0;  // chunks of this run that the output holds
};

// Matrices of experts that no token was routed to.
uint64_t NumUnusedExperts(const ImportanceData& data) {
  uint64_t unused = 0;
  for (const auto& [name, entry] : data.entries) {
    unused += std::count(entry.counts.begin(), entry.counts.end(), 0);
  }
  return unused;
}

absl::Status PrintOutcome(const Flags& flags, const Outcome& outcome, double seconds,
                          std::vector<std::string> warnings) {
  const ImportanceData& data = outcome.data;
  const uint64_t unused = NumUnusedExperts(data);
  if (unused > 0) {
    warnings.push_back(absl::StrCat("no token reached ", unused,
                                    " matrices of experts, which will "
                                    "be quantized without weights; a longer text may reach them"));
  }
  if (!flags.common.json) {
    PrintWarnings(warnings, flags.common);
    std::string text =
        absl::StrCat(Printable(flags.output), ": ", data.entries.size(), " tensors, ",
                     data.chunk_count, " chunks of ", data.chunk_size, " tokens");
    if (outcome.perplexity > 0.0) {
      absl::StrAppendFormat(&text, ", perplexity %.4f +- %.4f", outcome.perplexity,
                            outcome.perplexity_stderr);
    }
    return flags.common.quiet ? absl::OkStatus() : PrintResult(text + "\n");
  }
  gguf_toolchain::ImatrixResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_output(ToUtf8(flags.output));
  for (const std::string& dataset : data.datasets) result.add_datasets(ToUtf8(dataset));
  result.set_chunk_count(data.chunk_count);
  result.set_chunk_size(data.chunk_size);
  result.set_num_tensors(static_cast<double>(data.entries.size()));
  result.set_num_unused_experts(static_cast<double>(unused));
  result.set_perplexity(outcome.perplexity);
  result.set_perplexity_stderr(outcome.perplexity_stderr);
  result.set_seconds(seconds);
  for (const std::string& warning : warnings) result.add_warnings(ToUtf8(warning));
  GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
  return PrintResult(json);
}

absl::Status ShowStatistics(const Flags& flags) {
  GGUF_ASSIGN_OR_RETURN(const ImportanceData data, ReadImportance(flags.in_files[0]));
  if (!flags.common.json) return PrintResult(ImportanceStatisticsText(data));
  GGUF_ASSIGN_OR_RETURN(const std::string json, ImportanceStatisticsJson(data));
  return PrintResult(json);
}

absl::Status Imatrix(const Flags& flags) {
  GGUF_RETURN_IF_ERROR(CheckUsage(flags));
  if (flags.show_statistics) return ShowStatistics(flags);
  const absl::Time start = absl::Now();
  std::vector<std::string> warnings;
  Outcome outcome;
  GGUF_ASSIGN_OR_RETURN(outcome.data, MergeInputs(flags));
  Writer writer(flags);
  GGUF_RETURN_IF_ERROR(writer.Check());
  if (flags.has_text()) {
    const ImportanceData inputs = std::move(outcome.data);
    GGUF_ASSIGN_OR_RETURN(const Input input, OpenInput(flags, &warnings));
    GGUF_ASSIGN_OR_RETURN(outcome, Run(flags, inputs, &writer).Measure(input));
  } else {
    GGUF_RETURN_IF_ERROR(writer.Write(outcome.data));
  }
  if (!flags.has_format && !absl::EndsWith(flags.output, ".gguf")) {
    warnings.push_back(absl::StrCat("'", flags.output,
                                    "' is a GGUF file although its name does "
                                    "not end in .gguf; --output-format says which format it has"));
  }
  return PrintOutcome(flags, outcome, absl::ToDoubleSeconds(absl::Now() - start),
                      std::move(warnings));
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::LetWaitingThreadsSleep(argv);
  CLI::App app(gguf::kHelp, "imatrix");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] {
    flags.has_context = app.count("--ctx-size") > 0;
    flags.has_format = app.count("--output-format") > 0;
    return gguf::Imatrix(flags);
  });
}
