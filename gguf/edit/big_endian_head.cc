#include "gguf/edit/big_endian_head.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "gguf/metadata.h"

namespace gguf {
namespace {

// Bytes of a number of this type; of a string that of its length.
size_t NumberBytes(ValueType type) {
  switch (type) {
    case ValueType::kUint8:
    case ValueType::kInt8:
    case ValueType::kBool:
      return 1;
    case ValueType::kUint16:
    case ValueType::kInt16:
      return 2;
    case ValueType::kUint32:
    case ValueType::kInt32:
    case ValueType::kFloat32:
    case ValueType::kArray:
      return 4;
    default:
      return 8;
  }
}

// Walks over numbers and turns each around, after it was read.
class Walker {
 public:
  explicit Walker(char* at) : at_(at) {}

  void Skip(size_t num_bytes) { at_ += num_bytes; }

  uint64_t Number(size_t num_bytes) {
    uint64_t value = 0;
    std::memcpy(&value, at_, num_bytes);  // little-endian host
    std::reverse(at_, at_ + num_bytes);
    at_ += num_bytes;
    return value;
  }
  void Text() { Skip(Number(8)); }

  void Scalar(ValueType type) {
    if (type == ValueType::kString) return Text();
    Number(NumberBytes(type));
  }
  void Value() {
    const auto type = static_cast<ValueType>(Number(4));
    if (type != ValueType::kArray) return Scalar(type);
    const auto element = static_cast<ValueType>(Number(4));
    for (uint64_t left = Number(8); left > 0; --left) Scalar(element);
  }
  void TensorInfo() {
    Text();
    for (uint64_t left = Number(4); left > 0; --left) Number(8);
    Number(4);
    Number(8);
  }

 private:
  char* at_;
};

}  // namespace

void MakeBigEndian(std::string* head) {
  Walker walker(head->data());
  walker.Skip(4);
  walker.Number(4);
  const uint64_t num_tensors = walker.Number(8);
  const uint64_t num_keys = walker.Number(8);
  for (uint64_t i = 0; i < num_keys; ++i) {
    walker.Text();
    walker.Value();
  }
  for (uint64_t i = 0; i < num_tensors; ++i) walker.TensorInfo();
}

}  // namespace gguf
