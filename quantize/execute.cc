#include "quantize/execute.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "formats/codec/codec.h"
#include "formats/codec/float_convert.h"
#include "formats/row_ranges.h"
#include "gguf/base/parallel.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/writer.h"

namespace gguf {
namespace {

// One output's share of a source tensor.
struct Target {
  const Plan* plan;
  const PlannedTensor* tensor;
  const GgufWriter* writer;
  RangeLog* log;    // may be null
  uint64_t offset;  // of the tensor in its file
  size_t index_in_shard;
  size_t tensor_id;  // running number over all outputs, for the overflow counts
  size_t encoding;   // targets of a source tensor with equal numbers get equal bytes
};

// Everything known before the first row is read.
struct Job {
  const TensorSource* source;
  std::vector<GgufWriter> writers;
  std::vector<std::vector<Target>> targets_of;  // by source index
  std::vector<RowRange> units;
  size_t num_tensors = 0;
  const ExecuteOptions* options;
};

struct Scratch {
  std::vector<uint8_t> raw;
  std::vector<float> values;
  std::vector<uint8_t> encoded;
  const Target* encoded_for = nullptr;  // of the present unit
  uint64_t num_overflows = 0;           // in `encoded`
};

uint64_t RowBytesOf(TensorType type, const Shape& shape) {
  return RowBytes(type, shape.columns()).value_or(0);  // the plan has checked that blocks divide it
}

absl::Status NonFinite(const TensorSource& source, const SourceTensor& tensor, uint64_t first_row,
                       size_t position, float value) {
  const uint64_t columns = tensor.shape.columns();
  return absl::InvalidArgumentError(absl::StrCat(
      source.name(), ": tensor '", tensor.name, "' holds ", value, " at row ",
      first_row + position / columns, ", column ", position % columns,
      "; expected finite weights: the checkpoint is damaged or was trained to divergence"));
}

// Values of a row range that became infinite in an F16 or BF16 output.
uint64_t CountInfinite(TensorType type, absl::Span<const uint8_t> encoded) {
  const uint16_t infinity = type == TensorType::kF16 ? 0x7C00 : 0x7F80;
  uint64_t count = 0;
  for (size_t i = 0; i + 1 < encoded.size(); i += 2) {
    const uint16_t bits = static_cast<uint16_t>(encoded[i] | encoded[i + 1] << 8);
    count += (bits & 0x7FFF) == infinity;
  }
  return count;
}

// Counts overflowing values per output tensor, from many threads.
class Overflows {
 public:
  explicit Overflows(size_t num_tensors) : counts_(num_tensors) {}
  void Add(size_t tensor, uint64_t count) { counts_[tensor].fetch_add(count); }
  uint64_t of(size_t tensor) const { return counts_[tensor].load(); }

 private:
  std::vector<std::atomic<uint64_t>> counts_;
};

// Refuses an encoded range in which a scale overflowed, or counts infinities where those are
// allowed.
absl::StatusOr<uint64_t> CheckEncoded(const Job& job, const RowRange& unit, const Target& target,
                                      absl::Span<const uint8_t> encoded) {
  const TensorTypeInfo& info = InfoOf(target.tensor->type);
  const size_t num_blocks = encoded.size() / info.block_bytes;
  const size_t bad = CodecOf(info.type).find_bad_block(encoded.data(), num_blocks);
  if (bad == num_blocks) return uint64_t{0};
  const bool is_half = info.type == TensorType::kF16 || info.type == TensorType::kBF16;
  if (target.plan->allow_f16_overflow && is_half) {
    return CountInfinite(info.type, encoded);
  }
  const uint64_t position = uint64_t{bad} * info.block_values;
  const uint64_t columns = target.tensor->shape.columns();
  return absl::InvalidArgumentError(absl::StrCat(
      job.source->name(), ": tensor '", target.tensor->name, "' has values too large for ",
      info.name, " at row ", unit.first_row + position / columns, ", columns ", position % columns,
      " and following: a scale exceeds 65504; keep this tensor in F32 or BF16 ",
      "with --tensor-type"));
}

// The target's bytes of a unit, in scratch->encoded. Mixtures of several outputs often agree on a
// tensor's type: what was made for one serves the next.
absl::StatusOr<absl::Span<const uint8_t>> Encode(const Job& job, const RowRange& unit,
                                                 const Target& target, const float* values,
                                                 Scratch* scratch) {
  const PlannedTensor& tensor = *target.tensor;
  const absl::Span<uint8_t> encoded(scratch->encoded.data(),
                                    unit.num_rows * RowBytesOf(tensor.type, tensor.shape));
  if (scratch->encoded_for != nullptr && scratch->encoded_for->encoding == target.encoding) {
    return encoded;
  }
  const uint64_t columns = tensor.shape.columns();
  const float* weights = nullptr;
  if (!tensor.importance.empty()) {
    const uint64_t rows_per_matrix = tensor.shape.rows() / tensor.shape.matrices();
    weights = tensor.importance.data() + unit.first_row / rows_per_matrix * columns;
  }
  tensor.encoder->encode(values, unit.num_rows, columns, weights, encoded.data());
  GGUF_ASSIGN_OR_RETURN(scratch->num_overflows, CheckEncoded(job, unit, target, encoded));
  scratch->encoded_for = &target;
  return encoded;
}

// What the log knows of a target's bytes of a unit: how many values overflowed, if they are there.
absl::optional<uint64_t> FindWritten(const RowRange& unit, const Target& target) {
  if (target.log == nullptr) return absl::nullopt;
  const uint64_t row_bytes = RowBytesOf(target.tensor->type, target.tensor->shape);
  return target.log->Find(target.offset + unit.first_row * row_bytes, unit.num_rows * row_bytes);
}

// `raw`, `values`: the unit's rows as they are in the source, and decoded.
absl::Status FillTarget(const Job& job, const RowRange& unit, const Target& target,
                        absl::Span<const uint8_t> raw, const float* values, Scratch* scratch,
                        Overflows* overflows) {
  if (const absl::optional<uint64_t> earlier = FindWritten(unit, target)) {
    overflows->Add(target.tensor_id, *earlier);
    return absl::OkStatus();
  }
  const PlannedTensor& tensor = *target.tensor;
  absl::Span<const uint8_t> bytes = raw;
  uint64_t num_overflows = 0;
  if (tensor.encoder != nullptr) {
    GGUF_ASSIGN_OR_RETURN(bytes, Encode(job, unit, target, values, scratch));
    num_overflows = scratch->num_overflows;
    overflows->Add(target.tensor_id, num_overflows);
  }
  const uint64_t first = unit.first_row * RowBytesOf(tensor.type, tensor.shape);
  GGUF_RETURN_IF_ERROR(target.writer->WriteTensorBytes(target.index_in_shard, first, bytes));
  if (target.log != nullptr) target.log->Written(target.offset + first, bytes, num_overflows);
  return absl::OkStatus();
}

bool IsOnlyCopied(const std::vector<Target>& targets) {
  return std::all_of(targets.begin(), targets.end(),
                     [](const Target& target) { return target.tensor->encoder == nullptr; });
}

// Refuses source rows that hold a NaN or Inf. Decodes them into `values` on the way; of rows that
// are only copied, at most the first block that is bad.
absl::Status DecodeAndCheck(const Job& job, const RowRange& unit, absl::Span<const uint8_t> raw,
                            absl::Span<float> values) {
  const SourceTensor& source = job.source->tensors()[unit.tensor];
  const TensorTypeInfo& info = InfoOf(source.type);
  const Codec& codec = CodecOf(source.type);
  size_t first = 0;
  if (IsOnlyCopied(job.targets_of[unit.tensor])) {
    const size_t num_blocks = raw.size() / info.block_bytes;
    const size_t bad = codec.find_bad_block(raw.data(), num_blocks);
    if (bad == num_blocks) return absl::OkStatus();
    first = bad * info.block_values;
    values = values.subspan(0, info.block_values);
    raw.remove_prefix(bad * info.block_bytes);
  }
  codec.decode(raw.data(), values.size(), values.data());
  const size_t bad = FindNonFinite(values.data(), values.size());
  if (bad == values.size()) return absl::OkStatus();
  return NonFinite(*job.source, source, unit.first_row, first + bad, values[bad]);
}

// Hands out units, rows read. Of a stream, they are read one after the other in its order, while
// other threads work on those before.
class UnitReader {
 public:
  explicit UnitReader(const Job* job) : job_(*job), is_stream_(job->source->is_stream()) {
    order_.resize(is_stream_ ? job_.units.size() : 0);
    for (size_t i = 0; i < order_.size(); ++i) {
      const RowRange& unit = job_.units[i];
      order_[i] = {job_.source->StreamPosition(unit.tensor, unit.first_row), i};
    }
    std::sort(order_.begin(), order_.end());
  }

  // `index`: the caller's running number. Returns the unit whose rows are in scratch->raw now.
  absl::StatusOr<const RowRange*> Next(uint64_t index, Scratch* scratch) {
    if (!is_stream_) return Read(index, scratch);
    absl::MutexLock lock(&mutex_);
    return Read(order_[next_++].second, scratch);
  }

 private:
  absl::StatusOr<const RowRange*> Read(uint64_t index, Scratch* scratch) const {
    const RowRange& unit = job_.units[index];
    const SourceTensor& source = job_.source->tensors()[unit.tensor];
    const absl::Span<uint8_t> raw(scratch->raw.data(),
                                  unit.num_rows * RowBytesOf(source.type, source.shape));
    GGUF_RETURN_IF_ERROR(job_.source->ReadRows(unit.tensor, unit.first_row, unit.num_rows, raw));
    return &unit;
  }

  const Job& job_;
  const bool is_stream_;
  std::vector<std::pair<uint64_t, size_t>> order_;  // position, index into units
  absl::Mutex mutex_;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Of a unit whose rows are in scratch->raw.
absl::Status RunUnit(const Job& job, const RowRange& unit, Scratch* scratch, Overflows* overflows) {
  const SourceTensor& source = job.source->tensors()[unit.tensor];
  const uint64_t row_bytes = RowBytesOf(source.type, source.shape);
  const absl::Span<const uint8_t> raw(scratch->raw.data(), unit.num_rows * row_bytes);
  const absl::Span<float> values(
      scratch->values.data(),
      std::min(scratch->values.size(), unit.num_rows * source.shape.columns()));
  GGUF_RETURN_IF_ERROR(DecodeAndCheck(job, unit, raw, values));
  scratch->encoded_for = nullptr;
  for (const Target& target : job.targets_of[unit.tensor]) {
    GGUF_RETURN_IF_ERROR(FillTarget(job, unit, target, raw, values.data(), scratch, overflows));
  }
  if (job.options->progress != nullptr) job.options->progress->Advance(raw.size(), source.name);
  return job.options->after_range ? job.options->after_range() : absl::OkStatus();
}

bool GetEqualBytes(const Target& a, const Target& b) {
  return a.tensor->encoder == b.tensor->encoder && a.tensor->importance == b.tensor->importance &&
         a.plan->allow_f16_overflow == b.plan->allow_f16_overflow;
}

// Numbers the encodings of a tensor and puts equal ones side by side.
void GroupByEncoding(std::vector<Target>* targets) {
  for (size_t i = 0; i < targets->size(); ++i) {
    Target& target = (*targets)[i];
    target.encoding = i;
    for (size_t j = 0; j < i; ++j) {
      if (!GetEqualBytes((*targets)[j], target)) continue;
      target.encoding = (*targets)[j].encoding;
      break;
    }
  }
  std::stable_sort(targets->begin(), targets->end(),
                   [](const Target& a, const Target& b) { return a.encoding < b.encoding; });
}

// Writers of all shards, and which output tensors each source tensor feeds.
absl::Status Prepare(absl::Span<const PlanOutput> outputs, Job* job) {
  job->targets_of.resize(job->source->tensors().size());
  size_t num_shards = 0;
  for (const PlanOutput& output : outputs) num_shards += output.shards.size();
  job->writers.reserve(num_shards);  // targets hold pointers
  for (const PlanOutput& output : outputs) {
    for (size_t s = 0; s < output.plan->shards.size(); ++s) {
      const PlannedShard& shard = output.plan->shards[s];
      if (output.shards[s] == nullptr) continue;
      GGUF_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::Create(&shard.layout, output.shards[s]));
      job->writers.push_back(std::move(writer));
      for (size_t i = shard.first; i < shard.last; ++i) {
        const PlannedTensor& tensor = output.plan->tensors[i];
        job->targets_of[tensor.source_index].push_back(
            {output.plan, &tensor, &job->writers.back(),
             output.logs.empty() ? nullptr : output.logs[s], shard.layout.offsets[i - shard.first],
             i - shard.first, job->num_tensors++, /*encoding=*/0});
      }
    }
  }
  for (std::vector<Target>& targets : job->targets_of) GroupByEncoding(&targets);
  std::vector<bool> is_listed(job->targets_of.size(), false);
  for (const PlanOutput& output : outputs) {
    for (const PlannedTensor& tensor : output.plan->tensors) {
      if (is_listed[tensor.source_index]) continue;
      is_listed[tensor.source_index] = true;
      if (job->targets_of[tensor.source_index].empty()) continue;
      AppendRowRanges(tensor.source_index, tensor.shape, &job->units);
    }
  }
  return absl::OkStatus();
}

// Drops the units whose rows no output lacks.
void DropWritten(Job* job, Overflows* overflows) {
  const auto is_written = [&](const RowRange& unit) {
    const std::vector<Target>& targets = job->targets_of[unit.tensor];
    if (!std::all_of(targets.begin(), targets.end(),
                     [&](const Target& target) { return FindWritten(unit, target).has_value(); })) {
      return false;
    }
    for (const Target& target : targets) {
      overflows->Add(target.tensor_id, *FindWritten(unit, target));
    }
    const SourceTensor& source = job->source->tensors()[unit.tensor];
    if (job->options->progress != nullptr) {
      job->options->progress->Skip(unit.num_rows * RowBytesOf(source.type, source.shape));
    }
    return true;
  };
  job->units.erase(std::remove_if(job->units.begin(), job->units.end(), is_written),
                   job->units.end());
}

// Sizes of the three buffers of a thread, over all units.
void SizeScratch(const Job& job, uint64_t* raw, uint64_t* values, uint64_t* encoded,
                 const SourceTensor** largest) {
  *raw = *values = *encoded = 0;
  for (const RowRange& unit : job.units) {
    const SourceTensor& source = job.source->tensors()[unit.tensor];
    const uint64_t raw_bytes = unit.num_rows * RowBytesOf(source.type, source.shape);
    if (raw_bytes > *raw) *largest = &source;
    *raw = std::max(*raw, raw_bytes);
    const uint64_t decoded = IsOnlyCopied(job.targets_of[unit.tensor])
                                 ? InfoOf(source.type).block_values
                                 : unit.num_rows * source.shape.columns();
    *values = std::max(*values, decoded);
    for (const Target& target : job.targets_of[unit.tensor]) {
      if (target.tensor->encoder == nullptr) continue;
      *encoded = std::max(*encoded, unit.num_rows * RowBytesOf(target.tensor->type, source.shape));
    }
  }
}

std::vector<std::string> OverflowWarnings(const Job& job, const Overflows& overflows) {
  std::vector<std::string> warnings;
  for (const std::vector<Target>& targets : job.targets_of) {
    for (const Target& target : targets) {
      const uint64_t count = overflows.of(target.tensor_id);
      if (count == 0) continue;
      warnings.push_back(absl::StrCat("tensor '", target.tensor->name, "': ", count,
                                      " values became infinite in ", NameOf(target.tensor->type),
                                      "; use --outtype f32 or bf16"));
    }
  }
  return warnings;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Execute(const TensorSource& source,
                                                 absl::Span<const PlanOutput> outputs,
                                                 const ExecuteOptions& options) {
  Job job;
  job.source = &source;
  job.options = &options;
  GGUF_RETURN_IF_ERROR(Prepare(outputs, &job));
  Overflows overflows(job.num_tensors);
  DropWritten(&job, &overflows);

  uint64_t raw, values, encoded;
  const SourceTensor* largest = nullptr;
  SizeScratch(job, &raw, &values, &encoded, &largest);
  const uint64_t per_thread = raw + values * sizeof(float) + encoded;
  int threads = std::max(1, options.threads);
  if (options.memory_limit != 0 && per_thread != 0) {
    if (per_thread > options.memory_limit) {
      return absl::ResourceExhaustedError(
          absl::StrCat(source.name(), ": a row range of tensor '", largest->name, "' needs ",
                       FormatSize(per_thread), ", but the memory limit leaves ",
                       FormatSize(options.memory_limit), "; raise --memory-limit"));
    }
    threads = static_cast<int>(std::min<uint64_t>(threads, options.memory_limit / per_thread));
  }
  std::vector<Scratch> scratches(threads);
  UnitReader reader(&job);
  GGUF_RETURN_IF_ERROR(
      ParallelFor(job.units.size(), threads, [&](uint64_t index, int thread) -> absl::Status {
        if (options.cancelled != nullptr && options.cancelled->load()) {
          return absl::CancelledError("interrupted");
        }
        Scratch& scratch = scratches[thread];
        if (scratch.raw.empty()) {
          scratch.raw.resize(raw);
          scratch.values.resize(values);
          scratch.encoded.resize(encoded);
        }
        GGUF_ASSIGN_OR_RETURN(const RowRange* unit, reader.Next(index, &scratch));
        return RunUnit(job, *unit, &scratch, &overflows);
      }));
  return OverflowWarnings(job, overflows);
}

}  // namespace gguf
