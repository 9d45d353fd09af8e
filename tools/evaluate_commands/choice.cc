// evaluate choice -m MODEL -f TASKS.jsonl: share of multiple-choice tasks answered right.

#include "runtime/evaluate/choice.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/statistics.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/model_options.h"
#include "tools/evaluate_commands/step_progress.h"
#include "tools/evaluate_commands/text_model.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

double Share(uint64_t right, uint64_t tasks) { return static_cast<double>(right) / tasks; }

class ChoiceCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    AddModelOptions(app, &model_);
    app->add_option(
           "-f,--file", tasks_,
           "one task a line: {\"context\": TEXT, \"choices\": [TEXT, ...], \"answer\": N}, "
           "or as MMLU, HellaSwag and ARC have them")
        ->required()
        ->type_name("TASKS.jsonl");
    app->add_option("--shots", shots_,
                    "show the first N tasks, solved, before each other one; they do not count")
        ->capture_default_str();
    app->add_option("--tasks", most_, "most tasks used, shots included [all]");
    app->add_option("-c,--ctx-size", context_, "most tokens of a task [as the longest one needs]")
        ->check(CLI::Range(1u, kMaxContext));
  }

  absl::Status Run(const CommonOptions& common) override {
    GGUF_ASSIGN_OR_RETURN(DecoderOptions options, ToDecoderOptions(model_, common));
    GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(tasks_, kMaxTextBytes));
    GGUF_ASSIGN_OR_RETURN(std::vector<ChoiceTask> tasks, ParseChoiceTasks(tasks_, text));
    if (most_ != 0 && most_ < tasks.size()) tasks.resize(most_);
    GGUF_RETURN_IF_ERROR(MoveShots(tasks_, shots_, &tasks));
    GGUF_ASSIGN_OR_RETURN(const TextModel model, OpenTextModel(model_.model));
    GGUF_ASSIGN_OR_RETURN(options.context, FindContext(model, tasks));
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                          MakeDecoder(model_, *model.model, options));
    PrintWarnings(model, common);
    StepProgress progress("task", tasks.size(), common);
    ChoiceScorer scorer(decoder.get());
    ChoiceResult measured;
    for (const ChoiceTask& task : tasks) {
      GGUF_ASSIGN_OR_RETURN(const EncodedTask encoded, Encode(model, task));
      GGUF_ASSIGN_OR_RETURN(const std::vector<double> scores, scorer.Score(encoded));
      measured.Add(encoded, task.answer, scores);
      GGUF_RETURN_IF_ERROR(progress.Update(
          measured.tasks, absl::StrFormat("accuracy %.1f %%",
                                          100.0 * Share(measured.right_by_byte, measured.tasks))));
    }
    return Print(measured, model, progress.seconds(), common);
  }

 private:
  absl::StatusOr<EncodedTask> Encode(const TextModel& model, const ChoiceTask& task) const {
    absl::StatusOr<EncodedTask> encoded = EncodeTask(*model.tokenizer, task);
    if (encoded.ok()) return encoded;
    return absl::Status(encoded.status().code(), absl::StrCat(tasks_, ": line ", task.line, ": ",
                                                              encoded.status().message()));
  }

  // Tokens of the longest task; InvalidArgument when the model does not take as many.
  absl::StatusOr<uint32_t> FindContext(const TextModel& model,
                                       const std::vector<ChoiceTask>& tasks) const {
    const size_t limit = context_ != 0 ? context_ : model.model->config().context_length;
    size_t longest = 1;
    for (const ChoiceTask& task : tasks) {
      GGUF_ASSIGN_OR_RETURN(const EncodedTask encoded, Encode(model, task));
      for (const std::vector<int32_t>& choice : encoded.choices) {
        longest = std::max(longest, choice.size());
        if (choice.size() <= limit) continue;
        return absl::InvalidArgumentError(
            absl::StrCat(tasks_, ": line ", task.line, " has ", choice.size(), " tokens",
                         shots_ > 0 ? " with its examples" : "", ", expected at most ", limit,
                         ": use a larger context (-c)", shots_ > 0 ? " or fewer shots" : ""));
      }
    }
    return static_cast<uint32_t>(longest);
  }

  absl::Status Print(const ChoiceResult& measured, const TextModel& model, double seconds,
                     const CommonOptions& common) const {
    const Proportion accuracy = ProportionOf(measured.right_by_byte, measured.tasks);
    const double per_token = Share(measured.right_by_token, measured.tasks);
    const double sum = Share(measured.right_by_sum, measured.tasks);
    if (!common.json) {
      return PrintResult(absl::StrFormat(
          "accuracy %.2f %% +- %.2f  (95 %%: %.1f to %.1f; chance %.1f)\n"
          "by log-probability per token %.2f %%, in total %.2f %%\n%d tasks, %.1f s\n",
          100.0 * accuracy.value, 100.0 * accuracy.standard_error, 100.0 * accuracy.low,
          100.0 * accuracy.high, 100.0 * measured.chance, 100.0 * per_token, 100.0 * sum,
          measured.tasks, seconds));
    }
    gguf_toolchain::ChoiceResult result;
    result.set_schema_version(kSchemaVersion);
    result.set_model(ToUtf8(model_.model));
    result.set_tasks_file(ToUtf8(tasks_));
    result.set_shots(static_cast<int32_t>(shots_));
    result.set_tasks(static_cast<double>(measured.tasks));
    result.set_accuracy(accuracy.value);
    result.set_accuracy_stderr(accuracy.standard_error);
    result.set_accuracy_low(accuracy.low);
    result.set_accuracy_high(accuracy.high);
    result.set_accuracy_per_token(per_token);
    result.set_accuracy_sum(sum);
    result.set_chance(measured.chance);
    result.set_seconds(seconds);
    for (const std::string& warning : model.warnings) result.add_warnings(ToUtf8(warning));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

  ModelOptions model_;
  std::string tasks_;
  uint32_t shots_ = 0, most_ = 0, context_ = 0;
};

}  // namespace

std::unique_ptr<EvaluateCommand> MakeChoiceCommand() { return std::make_unique<ChoiceCommand>(); }

}  // namespace gguf
