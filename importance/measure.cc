#include "importance/measure.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/decoder.h"
#include "runtime/memory.h"

namespace gguf {
namespace {

constexpr uint32_t kMaxPartTokens = 512;  // of a chunk at once: bounds memory, keeps products busy

// Negative log-likelihoods of the tokens that were predicted.
struct Likelihood {
  double sum = 0.0;
  double sum_of_squares = 0.0;
  uint64_t count = 0;

  void Add(double nll) {
    sum += nll;
    sum_of_squares += nll * nll;
    ++count;
  }
  void Add(const Likelihood& other) {
    sum += other.sum;
    sum_of_squares += other.sum_of_squares;
    count += other.count;
  }
  double Perplexity() const { return count == 0 ? 0.0 : std::exp(sum / count); }
  // Standard error of the mean, carried over to its exponential.
  double PerplexityStderr() const {
    if (count < 2) return 0.0;
    const double mean = sum / count;
    const double variance = std::max(0.0, sum_of_squares / count - mean * mean);
    return std::sqrt(variance / (count - 1)) * Perplexity();
  }
};

double NegativeLogLikelihood(absl::Span<const float> logits, int32_t token) {
  const float maximum = *std::max_element(logits.begin(), logits.end());
  double total = 0.0;
  for (const float logit : logits) total += std::exp(logit - maximum);
  return std::log(total) - (double{logits[token]} - maximum);
}

// Measures one chunk at a time with a decoder and sums of its own.
class Worker {
 public:
  static absl::StatusOr<std::unique_ptr<Worker>> Create(const Model& model,
                                                        const MeasureOptions& options,
                                                        DecoderOptions decoder_options) {
    std::unique_ptr<Worker> worker(new Worker(model, options, decoder_options.batch));
    decoder_options.observer = worker->collector_.observer();
    GGUF_ASSIGN_OR_RETURN(worker->decoder_, Decoder::Create(model, decoder_options));
    return worker;
  }

  // Results are in status(), sums() and likelihood() afterwards.
  void Run(absl::Span<const int32_t> chunk) { status_ = RunChunk(chunk); }

  const absl::Status& status() const { return status_; }
  const ImportanceSums& sums() const { return collector_.sums(); }
  const Likelihood& likelihood() const { return likelihood_; }

 private:
  Worker(const Model& model, const MeasureOptions& options, uint32_t batch)
      : options_(options), batch_(batch), collector_(model, options.collector) {}

  absl::Status RunChunk(absl::Span<const int32_t> chunk) {
    collector_.Clear();
    likelihood_ = Likelihood();
    tokens_.assign(chunk.begin(), chunk.end());
    if (options_.first_token >= 0) tokens_[0] = options_.first_token;
    if (decoder_->cache() == nullptr) return decoder_->Encode(tokens_).status();
    GGUF_RETURN_IF_ERROR(decoder_->cache()->Truncate(0, 0));
    MarkWanted();
    // Parts of nearly equal length: none is too short to be observed.
    const size_t parts = (tokens_.size() + batch_ - 1) / batch_;
    for (size_t part = 0; part < parts; ++part) {
      if (options_.cancelled != nullptr && *options_.cancelled) {
        return absl::CancelledError("measuring was interrupted");
      }
      const size_t first = part * tokens_.size() / parts;
      GGUF_RETURN_IF_ERROR(RunPart(first, (part + 1) * tokens_.size() / parts - first));
    }
    return absl::OkStatus();
  }

  absl::Status RunPart(size_t first, size_t count) {
    const auto sink = [&](size_t index, absl::Span<const float> logits) {
      const size_t next = first + index + 1;
      if (!options_.perplexity || next <= tokens_.size() / 2 || next >= tokens_.size()) return;
      likelihood_.Add(NegativeLogLikelihood(logits, tokens_[next]));
    };
    return decoder_->Decode(absl::MakeConstSpan(tokens_).subspan(first, count),
                            absl::MakeConstSpan(wanted_).subspan(first, count), 0, sink);
  }

  // Logits cost time: all when the output's inputs are measured, else those that predict tokens of
  // the second half.
  void MarkWanted() {
    wanted_.assign(tokens_.size(), options_.collector.process_output ? 1 : 0);
    if (options_.perplexity) {
      std::fill(wanted_.begin() + wanted_.size() / 2, wanted_.end() - 1, 1);
    }
  }

  const MeasureOptions& options_;
  const uint32_t batch_;
  Collector collector_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<int32_t> tokens_;
  std::vector<uint8_t> wanted_;
  Likelihood likelihood_;
  absl::Status status_;
};

// Chunks at the same time: what was asked for, as far as threads, chunks and memory go.
absl::StatusOr<uint64_t> ChunksAtOnce(const Model& model, const MeasureOptions& options,
                                      uint32_t part, uint64_t num_chunks) {
  CacheOptions cache;
  cache.context = options.context;
  cache.batch = part;
  const bool is_encoder = model.config().family->is_encoder;
  const uint64_t sums = Collector::SumBytes(model);
  const MemoryNeed each = {0, is_encoder ? 0 : CacheBytes(model.config(), cache),
                           Forward::BufferBytes(model.config(), part) + sums};
  const uint64_t available = AvailableMemory();
  uint64_t at_once = std::min<uint64_t>({options.batch / options.context, num_chunks,
                                         static_cast<uint64_t>(std::max(1, options.threads))});
  if (options.device != nullptr) at_once = 1;  // one thread at a time
  at_once = std::max<uint64_t>(1, at_once);
  while (at_once > 1 && model.weight_bytes() + sums + at_once * each.total() > available) --at_once;
  const MemoryNeed need = {model.weight_bytes(), at_once * each.cache,
                           at_once * each.buffers + sums};
  GGUF_RETURN_IF_ERROR(CheckMemory(model.path(), need, available));
  return at_once;
}

absl::StatusOr<std::vector<std::unique_ptr<Worker>>> MakeWorkers(const Model& model,
                                                                 const MeasureOptions& options,
                                                                 uint64_t num_chunks) {
  const uint32_t part = std::min({options.context, options.batch, kMaxPartTokens});
  GGUF_ASSIGN_OR_RETURN(const uint64_t at_once, ChunksAtOnce(model, options, part, num_chunks));
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint64_t i = 0; i < at_once; ++i) {
    DecoderOptions decoder;
    decoder.context = options.context;
    decoder.batch = part;
    decoder.activations = options.activations;
    decoder.device = options.device;
    decoder.may_leave_device = options.may_leave_device;
    decoder.device_layers = options.device_layers;
    decoder.checks_memory = false;  // done for all of them
    const uint64_t threads = std::max(1, options.threads);
    decoder.threads = static_cast<int>(threads / at_once + (i < threads % at_once ? 1 : 0));
    GGUF_ASSIGN_OR_RETURN(std::unique_ptr<Worker> worker, Worker::Create(model, options, decoder));
    workers.push_back(std::move(worker));
  }
  return workers;
}

// Worker i measures chunk first + i; all are done afterwards.
void RunTogether(absl::Span<const std::unique_ptr<Worker>> workers,
                 absl::Span<const int32_t> tokens, uint64_t first, uint32_t context) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < workers.size(); ++i) {
    const auto run = [worker = workers[i].get(),
                      chunk = tokens.subspan((first + i) * context, context)] {
      worker->Run(chunk);
    };
    if (i + 1 == workers.size()) {
      run();
      break;
    }
    try {
      threads.emplace_back(run);
    } catch (const std::system_error&) {
      run();  // the system has no thread left
    }
  }
  for (std::thread& thread : threads) thread.join();
}

absl::Status InChunk(const Model& model, uint64_t chunk, const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status)) return status;
  return absl::Status(status.code(),
                      absl::StrCat(model.path(), ": chunk ", chunk, ": ", status.message()));
}

}  // namespace

absl::StatusOr<uint64_t> NumChunks(uint64_t num_tokens, const MeasureOptions& options) {
  const uint64_t context = options.context;
  if (num_tokens < 2 * context) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text has ", num_tokens, " tokens, expected at least ", 2 * context,
                     " (two chunks of ", context, "); use a longer text or a smaller context"));
  }
  const uint64_t all = num_tokens / context;
  if (options.first_chunk >= all || options.max_chunks == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the text has ", all, " chunks of ", context, " tokens; none is left after skipping ",
        options.first_chunk, options.max_chunks == 0 ? " and taking none" : ""));
  }
  return std::min(all - options.first_chunk, options.max_chunks);
}

absl::Status MeasureImportance(
    const Model& model, absl::Span<const int32_t> tokens, const MeasureOptions& given,
    const std::function<absl::Status(const MeasuredChunk&)>& after_chunk) {
  MeasureOptions options = given;
  if (model.config().family->is_encoder) options.perplexity = false;
  GGUF_ASSIGN_OR_RETURN(const uint64_t num_chunks, NumChunks(tokens.size(), options));
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::unique_ptr<Worker>> workers,
                        MakeWorkers(model, options, num_chunks));
  ImportanceSums sums;
  Likelihood likelihood;
  for (uint64_t done = 0; done < num_chunks;) {
    const uint64_t at_once = std::min<uint64_t>(workers.size(), num_chunks - done);
    const auto busy = absl::MakeConstSpan(workers).subspan(0, at_once);
    RunTogether(busy, tokens, options.first_chunk + done, options.context);
    for (const auto& worker : busy) {
      const uint64_t chunk = options.first_chunk + done;
      GGUF_RETURN_IF_ERROR(InChunk(model, chunk, worker->status()));
      GGUF_RETURN_IF_ERROR(InChunk(model, chunk, sums.Add(worker->sums())));
      likelihood.Add(worker->likelihood());
      ++done;
      GGUF_RETURN_IF_ERROR(after_chunk(
          {done, num_chunks, likelihood.Perplexity(), likelihood.PerplexityStderr(), &sums}));
    }
  }
  return absl::OkStatus();
}

}  // namespace gguf
