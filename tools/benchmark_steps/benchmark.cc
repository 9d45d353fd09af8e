#include "tools/benchmark_steps/benchmark.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "google/protobuf/util/json_util.h"
#include "runtime/evaluate/logits_base.h"
#include "tools/benchmark_steps/candidate.h"
#include "tools/benchmark_steps/child_process.h"
#include "tools/benchmark_steps/journal.h"
#include "tools/benchmark_steps/make_files.h"
#include "tools/benchmark_steps/step_clock.h"
#include "tools/benchmark_steps/tensor_errors.h"
#include "tools/benchmark_steps/work_folder.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkModel;
using gguf_toolchain::BenchmarkResult;
using gguf_toolchain::BenchmarkStep;

// Speeds of one model that differ by more than this part of their median are warned of.
constexpr double kNoisySpread = 0.2;

enum class Kind { kSpeed, kQuality, kChoice, kTensors };
constexpr absl::string_view kKindNames[] = {"speed", "predictions", "multiple choice",
                                            "error of each matrix"};

struct Step {
  Kind kind;
  size_t model;  // index
  std::string key;

  absl::string_view name() const { return kKindNames[static_cast<int>(kind)]; }
};

std::string MachineName() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, "model name")) continue;
    const size_t colon = rest.find(": ");
    if (colon != absl::string_view::npos) return ToUtf8(rest.substr(colon + 2));
  }
  return "unknown processor";
}

template <typename Message>
absl::StatusOr<Message> ParseResult(absl::string_view json) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message);
  if (status.ok()) return message;
  return absl::InternalError(
      absl::StrCat("the measuring process printed no result: ", status.ToString()));
}

class Benchmark {
 public:
  Benchmark(const BenchmarkRequest& request, Journal journal, std::string folder)
      : request_(request),
        journal_(std::move(journal)),
        folder_(std::move(folder)),
        machine_(MachineName()),
        clock_(request.common) {}

  absl::StatusOr<BenchmarkResult> Run() {
    GGUF_ASSIGN_OR_RETURN(models_, FindCandidates(request_, MadeFolder()));
    GGUF_RETURN_IF_ERROR(ListSteps());
    GGUF_RETURN_IF_ERROR(MakeMissing());
    for (const Step& step : steps_) {
      if (!IsPending(step)) continue;
      clock_.Start(step.name(), models_[step.model].name);
      absl::StatusOr<BenchmarkStep> measured = Measure(step);
      clock_.Clear();
      if (!measured.ok()) return Named(step, measured.status());
      measured->set_key(step.key);
      measured->set_seconds(clock_.Stop());
      GGUF_RETURN_IF_ERROR(journal_.Add(*std::move(measured)));
    }
    return Assemble();
  }

  absl::Status Interruption() const {
    if (journal_.path().empty() || journal_.size() == 0) return absl::CancelledError("interrupted");
    return InterruptedAfter(absl::StrCat(journal_.size(), " measurements are kept in '",
                                         journal_.path(), "'; --resume goes on with them"));
  }

 private:
  const std::string& MadeFolder() const { return request_.keep.empty() ? folder_ : request_.keep; }
  std::string LogitsPath() const { return absl::StrCat(folder_, "/base.zst"); }

  absl::Status Named(const Step& step, const absl::Status& status) const {
    if (absl::IsCancelled(status)) return status;
    return absl::Status(
        status.code(),
        absl::StrCat(models_[step.model].name, ", ", step.name(), ": ", status.message(),
                     journal_.path().empty() || journal_.size() == 0
                         ? ""
                         : "; --resume uses what is measured already"));
  }

  // Options of a run that its figures depend on.
  std::string HowRun() const {
    const ModelOptions& m = request_.model;
    return absl::StrCat(kVersion, ", cache ", m.cache_type_k, " ", m.cache_type_v, ", activations ",
                        NameOf(m.activations), ", batch ", m.batch);
  }

  absl::Status ListSteps() {
    GGUF_ASSIGN_OR_RETURN(const std::string text, IdentityOf({request_.text}));
    const std::string how = HowRun();
    for (uint32_t run = 1; run <= request_.repetitions; ++run) {
      for (size_t i = 0; i < models_.size(); ++i) {
        steps_.push_back(
            {Kind::kSpeed, i,
             absl::StrCat("speed ", run, ": ", request_.prompt, " + ", request_.generated,
                          " tokens of (", text, "), (", models_[i].identity, "), ", how, ", ",
                          request_.common.threads, " threads, ", machine_)});
      }
    }
    std::string tasks;
    if (!request_.tasks.empty()) {
      GGUF_ASSIGN_OR_RETURN(tasks, IdentityOf({request_.tasks}));
    }
    for (size_t i = 0; i < models_.size(); ++i) {
      const std::string& identity = models_[i].identity;
      const std::string base = i == 0 ? "" : absl::StrCat(", from (", models_[0].identity, ")");
      steps_.push_back(
          {Kind::kQuality, i,
           absl::StrCat("predictions: ", request_.chunks, " x ", request_.context, " tokens of (",
                        text, "), (", identity, ")", base, ", ", how)});
      if (!tasks.empty()) {
        steps_.push_back({Kind::kChoice, i,
                          absl::StrCat("choice: ", request_.shots, " shots, (", tasks, "), (",
                                       identity, "), ", how)});
      }
      steps_.push_back({Kind::kTensors, i, absl::StrCat("tensors: (", identity, ")", base)});
    }
    for (const Step& step : steps_) {
      const BenchmarkStep* known = journal_.Find(step.key);
      if (known == nullptr) needs_logits_ |= step.kind == Kind::kQuality && step.model > 0;
      if (known != nullptr) clock_.AddDone(step.name(), known->seconds());
    }
    for (const Step& step : steps_) {
      if (IsPending(step)) clock_.AddStep(step.name());
    }
    return absl::OkStatus();
  }

  // To be measured. The base's predictions are, too, when others are to be compared with them:
  // they are too large to keep.
  bool IsPending(const Step& step) const {
    if (step.kind == Kind::kQuality && step.model == 0 && needs_logits_) return true;
    return journal_.Find(step.key) == nullptr;
  }

  static std::string FileKey(const Candidate& model) {
    return absl::StrCat("file: ", model.identity);
  }

  // Quantizes what pending steps need and is not there from an earlier run.
  absl::Status MakeMissing() {
    std::set<size_t> needed;
    for (const Step& step : steps_) {
      if (!IsPending(step)) continue;
      needed.insert(step.model);
      if (step.kind == Kind::kTensors) needed.insert(0);
    }
    std::vector<Candidate> missing;
    for (const size_t i : needed) {
      if (models_[i].type.empty()) continue;
      const BenchmarkStep* known = journal_.Find(FileKey(models_[i]));
      const absl::StatusOr<std::string> found = IdentityOf({models_[i].path});
      if (known != nullptr && found.ok() && *found == known->file()) continue;
      missing.push_back(models_[i]);
    }
    if (missing.empty()) return absl::OkStatus();
    std::error_code error;
    std::filesystem::create_directories(MadeFolder(), error);
    GGUF_RETURN_IF_ERROR(MakeFiles(request_, missing, request_.force, &warnings_));
    if (request_.keep.empty()) return absl::OkStatus();
    for (const Candidate& model : missing) {
      BenchmarkStep step;
      step.set_key(FileKey(model));
      GGUF_ASSIGN_OR_RETURN(*step.mutable_file(), IdentityOf({model.path}));
      GGUF_RETURN_IF_ERROR(journal_.Add(std::move(step)));
    }
    return absl::OkStatus();
  }

  std::vector<std::string> ChildArguments(absl::string_view command,
                                          const std::string& model) const {
    const ModelOptions& m = request_.model;
    std::vector<std::string> words = {kChildCommand,
                                      std::string(command),
                                      absl::StrCat("--model=", model),
                                      absl::StrCat("--cache-type-k=", m.cache_type_k),
                                      absl::StrCat("--cache-type-v=", m.cache_type_v),
                                      absl::StrCat("--cache-for=", m.cache_for),
                                      absl::StrCat("--activations=", NameOf(m.activations)),
                                      absl::StrCat("--batch-size=", m.batch),
                                      absl::StrCat("--threads=", request_.common.threads),
                                      "--progress=never",
                                      "--json"};
    if (m.allow_quantized_kv) words.push_back("--allow-quantized-kv");
    return words;
  }

  template <typename Message>
  absl::Status RunChild(const std::vector<std::string>& words, Message* message) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, RunSelf(words, [this] { clock_.Tick(); }));
    GGUF_ASSIGN_OR_RETURN(*message, ParseResult<Message>(json));
    return absl::OkStatus();
  }

  absl::StatusOr<BenchmarkStep> Measure(const Step& step) {
    BenchmarkStep result;
    const Candidate& model = models_[step.model];
    std::vector<std::string> words;
    switch (step.kind) {
      case Kind::kSpeed:
        words = ChildArguments("speed", model.path);
        words.push_back(absl::StrCat("--file=", request_.text));
        words.push_back(absl::StrCat("--prompt-tokens=", request_.prompt));
        words.push_back(absl::StrCat("--n-predict=", request_.generated));
        GGUF_RETURN_IF_ERROR(RunChild(words, result.mutable_speed()));
        return result;
      case Kind::kQuality:
        GGUF_RETURN_IF_ERROR(MeasureQuality(step.model, &result));
        return result;
      case Kind::kChoice:
        words = ChildArguments("choice", model.path);
        words.push_back(absl::StrCat("--file=", request_.tasks));
        words.push_back(absl::StrCat("--shots=", request_.shots));
        GGUF_RETURN_IF_ERROR(RunChild(words, result.mutable_choice()));
        return result;
      case Kind::kTensors: {
        CommonOptions common = request_.common;
        common.progress = "never";  // the clock shows it
        GGUF_ASSIGN_OR_RETURN(*result.mutable_tensors(),
                              DescribeFile(model.path, models_[0].path, common));
        return result;
      }
    }
    return absl::InternalError("unknown step");
  }

  // The base's predictions, kept for the others; the others' divergence from them; or the
  // perplexity of a model that cannot be compared.
  absl::Status MeasureQuality(size_t index, BenchmarkStep* result) {
    const std::string& path = models_[index].path;
    if (index > 0) {
      GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<LogitsBaseReader> base,
                            LogitsBaseReader::Open(LogitsPath()));
      GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Open(path));
      if (base->fingerprint() == FingerprintOf(*model)) {
        std::vector<std::string> words = ChildArguments("kl", path);
        words.push_back(absl::StrCat("--base=", LogitsPath()));
        GGUF_RETURN_IF_ERROR(RunChild(words, result->mutable_divergence()));
        result->mutable_divergence()->set_base(models_[0].name);
        return absl::OkStatus();
      }
    }
    const bool keeps_logits = index == 0 && models_.size() > 1;
    std::vector<std::string> words = ChildArguments(keeps_logits ? "logits" : "perplexity", path);
    words.push_back(absl::StrCat("--file=", request_.text));
    words.push_back(absl::StrCat("--ctx-size=", request_.context));
    words.push_back(absl::StrCat("--chunks=", request_.chunks));
    if (keeps_logits) {
      words.push_back(absl::StrCat("--output=", LogitsPath()));
      words.push_back("--force");
    }
    return RunChild(words, result->mutable_perplexity());
  }

  void AddWarning(const std::string& warning) {
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
      warnings_.push_back(warning);
    }
  }

  // All that was measured of a model.
  BenchmarkModel AssembleModel(size_t index, double* seconds) {
    BenchmarkModel model;
    std::vector<double> load, first, prompt, generated;
    for (const Step& step : steps_) {
      const BenchmarkStep* known = step.model == index ? journal_.Find(step.key) : nullptr;
      if (known == nullptr) continue;
      *seconds += known->seconds();
      if (known->has_tensors()) model.MergeFrom(known->tensors());
      if (known->has_perplexity()) *model.mutable_perplexity() = known->perplexity();
      if (known->has_divergence()) *model.mutable_divergence() = known->divergence();
      if (known->has_choice()) *model.mutable_choice() = known->choice();
      for (const std::string& warning : known->speed().warnings()) AddWarning(warning);
      for (const std::string& warning : known->perplexity().warnings()) AddWarning(warning);
      for (const std::string& warning : known->divergence().warnings()) AddWarning(warning);
      if (!known->has_speed()) continue;
      load.push_back(known->speed().load_seconds());
      first.push_back(known->speed().first_token_seconds());
      prompt.push_back(known->speed().prompt_tokens_per_second());
      generated.push_back(known->speed().tokens_per_second());
      model.set_peak_bytes(std::max(model.peak_bytes(), known->speed().peak_bytes()));
    }
    *model.mutable_load_seconds() = Summarize(load);
    *model.mutable_first_token_seconds() = Summarize(first);
    *model.mutable_prompt_tokens_per_second() = Summarize(prompt);
    *model.mutable_tokens_per_second() = Summarize(generated);
    const Candidate& candidate = models_[index];
    model.set_name(candidate.name);
    if (candidate.type.empty() || !request_.keep.empty()) model.set_path(ToUtf8(candidate.path));
    model.set_is_base(index == 0 && models_.size() > 1);
    return model;
  }

  void WarnOfNoise(const BenchmarkResult& result) {
    double most = 0;
    std::vector<std::string> noisy;
    for (const BenchmarkModel& model : result.models()) {
      double spread = 0;
      for (const auto* figure : {&model.prompt_tokens_per_second(), &model.tokens_per_second()}) {
        if (figure->median() <= 0) continue;
        spread = std::max(spread, (figure->most() - figure->least()) / figure->median());
      }
      if (spread > kNoisySpread) noisy.push_back(model.name());
      most = std::max(most, spread);
    }
    if (noisy.empty()) return;
    AddWarning(absl::StrFormat(
        "the speeds of %s differ by up to %.0f %% from run to run: something else was running; "
        "measure again on a quiet machine, or with more --repetitions",
        absl::StrJoin(noisy, ", "), 100 * most));
  }

  BenchmarkResult Assemble() {
    BenchmarkResult result;
    double seconds = 0;
    for (size_t i = 0; i < models_.size(); ++i) {
      BenchmarkModel* model = result.add_models();
      *model = AssembleModel(i, &seconds);
      if (i > 0 && !model->has_divergence()) {
        AddWarning(absl::StrCat(model->name(), " is another model than ", models_[0].name,
                                " or has another tokenizer: it has no divergence from it, and "
                                "their perplexities cannot be compared"));
      }
    }
    WarnOfNoise(result);
    result.set_schema_version(kSchemaVersion);
    result.set_version(kVersion);
    const std::string named =
        models_[0].type.empty() ? models_[0].path : std::string(request_.model.model);
    result.set_model(ModelName(named));
    if (models_.size() > 1) result.set_base(models_[0].name);
    result.set_text(ToUtf8(request_.text));
    result.set_tasks(ToUtf8(request_.tasks));
    result.set_machine(machine_);
    result.set_threads(request_.common.threads);
    result.set_repetitions(static_cast<int32_t>(request_.repetitions));
    result.set_context(static_cast<int32_t>(request_.context));
    result.set_prompt_tokens(request_.prompt);
    result.set_generated_tokens(request_.generated);
    if (!request_.types.empty()) {
      result.set_importance(ToUtf8(request_.imatrix));
      result.set_effort(std::string(NameOf(request_.effort)));
    }
    result.set_seconds(seconds);
    for (const std::string& warning : warnings_) result.add_warnings(ToUtf8(warning));
    return result;
  }

  const BenchmarkRequest& request_;
  Journal journal_;
  const std::string folder_, machine_;
  StepClock clock_;
  std::vector<Candidate> models_;
  std::vector<Step> steps_;
  bool needs_logits_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace

gguf_toolchain::Repeated Summarize(absl::Span<const double> values) {
  gguf_toolchain::Repeated result;
  result.mutable_values()->Add(values.begin(), values.end());
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  result.set_median(sorted.size() % 2 == 1 ? sorted[middle]
                                           : (sorted[middle - 1] + sorted[middle]) / 2);
  result.set_least(sorted.front());
  result.set_most(sorted.back());
  return result;
}

absl::StatusOr<BenchmarkResult> RunBenchmark(const BenchmarkRequest& request) {
  const std::string report = request.reports.empty() ? "" : request.reports[0];
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<WorkFolder> folder, WorkFolder::Create(report));
  GGUF_ASSIGN_OR_RETURN(Journal journal,
                        Journal::Open(report.empty() ? "" : absl::StrCat(report, ".journal"),
                                      request.resume, request.force));
  Benchmark benchmark(request, std::move(journal), folder->path());
  absl::StatusOr<BenchmarkResult> result = benchmark.Run();
  if (absl::IsCancelled(result.status())) return benchmark.Interruption();
  return result;
}

}  // namespace gguf
