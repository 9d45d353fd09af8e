// Any bytes as a tar archive: refused, or every file lies inside.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "formats/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = [=](uint64_t offset, absl::Span<uint8_t> out) -> absl::StatusOr<size_t> {
    if (offset >= size) return 0;
    const size_t count = std::min<uint64_t>(out.size(), size - offset);
    std::memcpy(out.data(), data + offset, count);
    return count;
  };
  uint64_t end = 0;
  const auto visit = [&end](const gguf::TarMember& member) {
    if (member.offset < end || member.name.empty() || member.name[0] == '/') std::abort();
    end = member.offset + member.size;
    return absl::OkStatus();
  };
  if (gguf::ReadTar("f", read, visit).ok() && end > size) std::abort();
  return 0;
}
