#include "formats/tar.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr uint64_t kBlock = 512;
constexpr uint64_t kMaxOffset = uint64_t{1} << 62;
// Zeros behind the end: archives are padded to whole records, of at most this by any program.
constexpr uint64_t kMaxPadding = uint64_t{4} << 20;

// Fields of a header: where they begin and how long they are.
struct Field {
  size_t begin;
  size_t size;
};
constexpr Field kName = {0, 100};
constexpr Field kSize = {124, 12};
constexpr Field kChecksum = {148, 8};
constexpr size_t kKind = 156;
constexpr Field kMagic = {257, 5};
constexpr Field kMagicAndVersion = {257, 8};
constexpr Field kPrefix = {345, 155};

absl::string_view TextOf(absl::string_view block, Field field) {
  const absl::string_view text = block.substr(field.begin, field.size);
  return text.substr(0, text.find('\0'));
}

// A number in octal digits, or, when the first bit is set, in binary (GNU, from 8 GiB on).
absl::optional<uint64_t> NumberOf(absl::string_view block, Field field) {
  const absl::string_view bytes = block.substr(field.begin, field.size);
  uint64_t value = 0;
  if (static_cast<uint8_t>(bytes[0]) == 0x80) {
    for (const char byte : bytes.substr(1)) {
      if (value >> 56 != 0) return absl::nullopt;
      value = value << 8 | static_cast<uint8_t>(byte);
    }
    return value;
  }
  size_t i = 0;
  while (i < bytes.size() && bytes[i] == ' ') ++i;
  for (; i < bytes.size() && bytes[i] != ' ' && bytes[i] != '\0'; ++i) {
    if (bytes[i] < '0' || bytes[i] > '7') return absl::nullopt;
    value = value << 3 | static_cast<uint64_t>(bytes[i] - '0');  // 12 digits fit
  }
  return value;
}

bool HasRightChecksum(absl::string_view block) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const bool is_checksum = i >= kChecksum.begin && i < kChecksum.begin + kChecksum.size;
    sum += is_checksum ? ' ' : static_cast<uint8_t>(block[i]);
  }
  return NumberOf(block, kChecksum) == sum;
}

uint64_t Padded(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

bool IsZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

// What extended headers say of the files behind them.
struct Extension {
  absl::optional<std::string> name;
  absl::optional<uint64_t> size;
};

class Reader {
 public:
  Reader(absl::string_view archive, TarReader read) : archive_(archive), read_(read) {}

  absl::Status Run(absl::FunctionRef<absl::Status(const TarMember&)> visit) {
    uint64_t num_headers = 0;
    while (true) {
      GGUF_ASSIGN_OR_RETURN(const std::string block, ReadBytes(kBlock));
      if (IsZero(block)) return ReadEnd();
      if (!HasRightChecksum(block)) {
        return Broken(position_ == kBlock
                          ? "is not a tar archive inside its compression; expected a checkpoint "
                            "packed with tar"
                          : absl::StrCat("has a damaged tar header at byte ", position_ - kBlock,
                                         "; download or pack it again"));
      }
      if (++num_headers > kMaxTarHeaders) {
        return Broken(absl::StrCat("has more than ", kMaxTarHeaders,
                                   " headers; pack only the checkpoint's folder"));
      }
      const absl::optional<uint64_t> size = NumberOf(block, kSize);
      if (!size.has_value() || *size > kMaxOffset) return BadSize();
      GGUF_RETURN_IF_ERROR(ReadMember(block, *size, visit));
    }
  }

 private:
  absl::Status Broken(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(archive_, ": ", what, "."));
  }
  absl::Status BadSize() const {
    return Broken(absl::StrCat("the tar header before byte ", position_,
                               " has no valid size; download or pack it again"));
  }
  absl::Status TooShort() const {
    return absl::DataLossError(absl::StrCat(archive_, ": the tar archive inside ends at byte ",
                                            position_,
                                            " before its end mark; download or pack it again."));
  }

  absl::StatusOr<std::string> ReadBytes(uint64_t size) {
    std::string bytes(size, '\0');
    GGUF_ASSIGN_OR_RETURN(
        const size_t count,
        read_(position_, absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), size)));
    if (count < size) return TooShort();
    position_ += size;
    return bytes;
  }

  // Reads the last byte too: an archive that ends inside a file is noticed here.
  absl::Status Skip(uint64_t size) {
    const uint64_t padded = Padded(size);
    if (padded > kMaxOffset - position_) return BadSize();
    if (padded == 0) return absl::OkStatus();
    uint8_t last;
    GGUF_ASSIGN_OR_RETURN(const size_t count,
                          read_(position_ + padded - 1, absl::MakeSpan(&last, 1)));
    if (count == 0) return TooShort();
    position_ += padded;
    return absl::OkStatus();
  }

  // Behind the first block of zeros only zeros may follow, and not many.
  absl::Status ReadEnd() {
    std::vector<uint8_t> bytes(size_t{64} << 10);
    for (uint64_t padding = 0; padding <= kMaxPadding; padding += bytes.size()) {
      GGUF_ASSIGN_OR_RETURN(const size_t count, read_(position_ + padding, absl::MakeSpan(bytes)));
      if (!std::all_of(bytes.begin(), bytes.begin() + count, [](uint8_t b) { return b == 0; })) {
        return Broken("holds more data behind the end mark of its tar archive; pack one archive");
      }
      if (count < bytes.size()) return absl::OkStatus();
    }
    return Broken("does not end behind the end mark of its tar archive; pack it again");
  }

  absl::Status ReadMember(absl::string_view block, uint64_t size,
                          absl::FunctionRef<absl::Status(const TarMember&)> visit) {
    const char kind = block[kKind];
    if (kind == 'x' || kind == 'g' || kind == 'L' || kind == 'K') {
      return ReadExtension(kind, size);
    }
    size = next_.size.value_or(size);
    const bool has_prefix = TextOf(block, kMagic) == "ustar" &&
                            block.substr(kMagicAndVersion.begin, kMagicAndVersion.size) !=
                                absl::string_view("ustar  \0", 8);
    const absl::string_view prefix = has_prefix ? TextOf(block, kPrefix) : "";
    const std::string name =
        next_.name.value_or(absl::StrCat(prefix, prefix.empty() ? "" : "/", TextOf(block, kName)));
    next_ = Extension();
    GGUF_ASSIGN_OR_RETURN(TarMember member, NamedMember(name));
    member.offset = position_;
    const bool is_folder = kind == '5' || (kind == '\0' && absl::EndsWith(name, "/"));
    const bool is_link_or_device = kind >= '1' && kind <= '6';
    const bool is_file = kind == '0' || kind == '\0' || kind == '7';
    if (!is_link_or_device && !is_file) {
      return Broken(
          absl::StrCat("'", EscapeText(name, 80), "' is an entry of kind '",
                       EscapeText(absl::string_view(&kind, 1), 8),
                       "', expected plain files; pack without --sparse and such options"));
    }
    // Links and devices have no bytes, whatever their headers say.
    member.is_file = is_file;
    member.size = is_file ? size : 0;
    if (is_folder) return absl::OkStatus();
    if (member.name.empty()) return Broken("holds a file without a name; pack it again");
    if (member.size > kMaxOffset - position_) return BadSize();
    GGUF_RETURN_IF_ERROR(visit(member));
    return Skip(member.size);
  }

  absl::StatusOr<TarMember> NamedMember(absl::string_view name) const {
    if (name.size() > kMaxTarName) {
      return Broken(absl::StrCat("has a name of ", name.size(), " bytes; pack it again"));
    }
    std::vector<absl::string_view> parts;
    for (const absl::string_view part : absl::StrSplit(name, '/', absl::SkipEmpty())) {
      if (part != ".") parts.push_back(part);
    }
    if (absl::StartsWith(name, "/") || std::find(parts.begin(), parts.end(), "..") != parts.end()) {
      return Broken(absl::StrCat("the name '", EscapeText(name, 80),
                                 "' leads out of the archive; pack the folder by a relative path"));
    }
    TarMember member;
    member.name = absl::StrJoin(parts, "/");
    return member;
  }

  absl::Status ReadExtension(char kind, uint64_t size) {
    if (size > kMaxTarExtension) return BadSize();
    GGUF_ASSIGN_OR_RETURN(std::string bytes, ReadBytes(Padded(size)));
    bytes.resize(size);
    if (kind == 'K') return absl::OkStatus();  // where a link leads to
    if (kind == 'L') {
      next_.name = bytes.substr(0, bytes.find('\0'));
      return absl::OkStatus();
    }
    return ReadPax(bytes, kind == 'g');
  }

  // Records "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
  absl::Status ReadPax(absl::string_view bytes, bool is_global) {
    while (!bytes.empty()) {
      const size_t space = bytes.find(' ');
      uint64_t length = 0;
      if (space > 20 || !absl::SimpleAtoi(bytes.substr(0, space), &length) ||
          length > bytes.size() || length < space + 3 || bytes[length - 1] != '\n') {
        return Broken(absl::StrCat("the pax header before byte ", position_,
                                   " is damaged; download or pack it again"));
      }
      const absl::string_view record = bytes.substr(space + 1, length - space - 2);
      bytes.remove_prefix(length);
      const size_t equals = record.find('=');
      if (equals == absl::string_view::npos) continue;
      GGUF_RETURN_IF_ERROR(SetPax(record.substr(0, equals), record.substr(equals + 1), is_global));
    }
    return absl::OkStatus();
  }

  absl::Status SetPax(absl::string_view key, absl::string_view value, bool is_global) {
    if (absl::StartsWith(key, "GNU.sparse")) {
      return Broken("holds a sparse file; pack it without --sparse");
    }
    if (key != "path" && key != "size") return absl::OkStatus();
    if (is_global) return Broken("gives all its files one name or size; pack it again");
    if (key == "path") {
      next_.name = std::string(value);
      return absl::OkStatus();
    }
    uint64_t size = 0;
    if (!absl::SimpleAtoi(value, &size) || size > kMaxOffset) return BadSize();
    next_.size = size;
    return absl::OkStatus();
  }

  absl::string_view archive_;
  TarReader read_;
  uint64_t position_ = 0;
  Extension next_;
};

}  // namespace

absl::Status ReadTar(absl::string_view archive, TarReader read,
                     absl::FunctionRef<absl::Status(const TarMember&)> visit) {
  return Reader(archive, read).Run(visit);
}

}  // namespace gguf
