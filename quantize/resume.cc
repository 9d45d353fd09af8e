#include "quantize/resume.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "formats/row_ranges.h"
#include "formats/sha256.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/io/posix_error.h"

namespace gguf {
namespace {

// A digest of fields, none of which can be taken for a part of its neighbour.
class Fields {
 public:
  void Add(absl::string_view text) {
    Add(uint64_t{text.size()});
    hash_.Update(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
  void Add(uint64_t number) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
    hash_.Update(bytes);
  }
  void Add(const std::vector<float>& values) {
    Add(uint64_t{values.size()});
    hash_.Update(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values.data()),
                                     values.size() * sizeof(float)));
  }
  std::string Digest() { return hash_.HexDigest(); }

 private:
  Sha256 hash_;
};

void AddShape(const Shape& shape, Fields* fields) {
  fields->Add(uint64_t{shape.dims().size()});
  for (const uint64_t dim : shape.dims()) fields->Add(dim);
}

// Compares what is written with what is there.
class ComparingFile : public WritableFile {
 public:
  explicit ComparingFile(const RandomAccessFile* file) : file_(*file) {}
  const std::string& name() const override { return file_.name(); }
  absl::Status Write(uint64_t offset, absl::Span<const uint8_t> bytes) override {
    std::vector<uint8_t> there(bytes.size());
    GGUF_RETURN_IF_ERROR(file_.Read(offset, absl::MakeSpan(there)));
    const auto [a, b] = std::mismatch(bytes.begin(), bytes.end(), there.begin());
    if (a == bytes.end()) return absl::OkStatus();
    return absl::AlreadyExistsError(
        absl::StrCat("'", name(), "' exists and is not what this run would write (byte ",
                     offset + (b - there.begin()), " differs); use --force to replace it"));
  }

 private:
  const RandomAccessFile& file_;
};

// Takes all but some ranges for written.
class SampleLog : public RangeLog {
 public:
  SampleLog(const Plan& plan, size_t shard) {
    const PlannedShard& planned = plan.shards[shard];
    std::vector<uint64_t> offsets;
    for (size_t i = planned.first; i < planned.last; ++i) {
      const PlannedTensor& tensor = plan.tensors[i];
      const uint64_t row_bytes = RowBytes(tensor.type, tensor.shape.columns()).value_or(0);
      std::vector<RowRange> ranges;
      AppendRowRanges(i, tensor.shape, &ranges);
      for (const RowRange& range : ranges) {
        offsets.push_back(planned.layout.offsets[i - planned.first] + range.first_row * row_bytes);
      }
    }
    const size_t count = std::min(offsets.size(), kSampledRanges);
    for (size_t i = 0; i < count; ++i) sampled_.insert(offsets[i * offsets.size() / count]);
  }
  absl::optional<uint64_t> Find(uint64_t offset, uint64_t /*size*/) const override {
    if (sampled_.contains(offset)) return absl::nullopt;
    return uint64_t{0};
  }
  void Written(uint64_t, absl::Span<const uint8_t>, uint64_t) override {}

 private:
  absl::flat_hash_set<uint64_t> sampled_;
};

}  // namespace

std::string ProgramIdentity(absl::string_view program) {
  constexpr uint64_t kStep = uint64_t{1} << 20;
  Fields fields;
  fields.Add(program);
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> self = OpenFile("/proc/self/exe");
  if (!self.ok()) return fields.Digest();
  std::string part;
  for (uint64_t at = 0; at < (*self)->size(); at += kStep) {
    part.resize(std::min(kStep, (*self)->size() - at));
    if (!(*self)
             ->Read(at, absl::MakeSpan(reinterpret_cast<uint8_t*>(part.data()), part.size()))
             .ok()) {
      break;
    }
    fields.Add(part);
  }
  return fields.Digest();
}

absl::StatusOr<std::string> SourceIdentity(const TensorSource& source) {
  Fields fields;
  for (const std::string& path : source.input_paths()) {
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return PosixError(errno, "examine", path);
    fields.Add(static_cast<uint64_t>(info.st_size));
    fields.Add(static_cast<uint64_t>(info.st_mtim.tv_sec));
    fields.Add(static_cast<uint64_t>(info.st_mtim.tv_nsec));
  }
  for (const SourceTensor& tensor : source.tensors()) {
    fields.Add(tensor.name);
    fields.Add(NameOf(tensor.type));
    AddShape(tensor.shape, &fields);
  }
  return fields.Digest();
}

std::string PlanIdentity(const Plan& plan, size_t shard) {
  const PlannedShard& planned = plan.shards[shard];
  Fields fields;
  fields.Add(planned.layout.head);  // names, types, shapes, offsets, metadata
  fields.Add(planned.layout.file_size);
  fields.Add(NameOf(plan.effort));
  fields.Add(uint64_t{plan.allow_f16_overflow});
  for (size_t i = planned.first; i < planned.last; ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    fields.Add(uint64_t{tensor.source_index});
    fields.Add(uint64_t{tensor.encoder != nullptr});
    fields.Add(tensor.importance);
  }
  return fields.Digest();
}

absl::Status CheckComplete(const TensorSource& source, const Plan& plan, size_t shard,
                           const std::string& path, const ExecuteOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  const uint64_t expected = plan.shards[shard].layout.file_size;
  if (file->size() != expected) {
    return absl::AlreadyExistsError(absl::StrCat("'", path, "' exists with ", file->size(),
                                                 " bytes and would have ", expected,
                                                 "; use --force to replace it"));
  }
  ComparingFile comparing(file.get());
  SampleLog sample(plan, shard);
  PlanOutput output{&plan, std::vector<WritableFile*>(plan.shards.size(), nullptr),
                    std::vector<RangeLog*>(plan.shards.size(), nullptr)};
  output.shards[shard] = &comparing;
  output.logs[shard] = &sample;
  ExecuteOptions quiet = options;
  quiet.progress = nullptr;
  return Execute(source, {&output, 1}, quiet).status();
}

}  // namespace gguf
