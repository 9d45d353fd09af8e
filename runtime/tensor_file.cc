#include "runtime/tensor_file.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {

absl::StatusOr<TensorFile> TensorFile::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(GgufModel model, GgufModel::Open(path));
  TensorFile file(path, std::move(model));
  GGUF_RETURN_IF_ERROR(file.MapTensors());
  return file;
}

absl::Status TensorFile::MapTensors() {
  for (const GgufFile& shard : file_.shards()) {
    if (shard.is_big_endian()) {
      return absl::UnimplementedError(
          absl::StrCat(shard.name(),
                       " is big-endian, expected little-endian: a file quantized or copied by "
                       "`quantize --type COPY` is"));
    }
    GGUF_ASSIGN_OR_RETURN(MappedFile map, MappedFile::Open(shard.name()));
    if (map.bytes().size() != shard.file_size()) {
      return absl::DataLossError(absl::StrCat(shard.name(), " has changed from ", shard.file_size(),
                                              " to ", map.bytes().size(),
                                              " bytes while it was opened"));
    }
    maps_.push_back(std::move(map));
  }
  tensors_.reserve(file_.tensors().size());
  for (const TensorInfo& info : file_.tensors()) {
    tensors_.push_back({info.name, info.type, info.shape,
                        maps_[info.shard].bytes().subspan(info.offset, info.num_bytes)});
    weight_bytes_ += info.num_bytes;
  }
  return absl::OkStatus();
}

const TensorView* TensorFile::Find(absl::string_view name) const {
  const int64_t index = file_.FindTensor(name);
  return index < 0 ? nullptr : &tensors_[static_cast<size_t>(index)];
}

}  // namespace gguf
