#include "formats/sentencepiece_model.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/sentencepiece_model.pb.h"

namespace gguf {
namespace {

constexpr int kBpe = 2;

absl::string_view NameOfModelType(int type) {
  static constexpr absl::string_view kNames[] = {"unknown", "UNIGRAM", "BPE", "WORD", "CHAR"};
  return type > 0 && type < 5 ? kNames[type] : kNames[0];
}

template <typename... Parts>
absl::Status Broken(absl::string_view file_name, const Parts&... what) {
  return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", what...));
}

}  // namespace

absl::StatusOr<SentencePieceModel> ParseSentencePieceModel(absl::string_view file_name,
                                                           absl::string_view bytes) {
  if (bytes.size() > kMaxSentencePieceBytes) {
    return Broken(file_name, "has ", bytes.size(), " bytes, and a SentencePiece model has at most ",
                  kMaxSentencePieceBytes, "; it is another kind of file.");
  }
  SentencePieceModelProto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Broken(file_name, "is not a SentencePiece model; download it again.");
  }
  if (proto.pieces().empty()) {
    return Broken(file_name, "is a SentencePiece model without pieces; download it again.");
  }
  const int model_type = proto.trainer_spec().model_type();
  if (model_type != kBpe) {
    return Broken(file_name, "is a SentencePiece model of type ", NameOfModelType(model_type), " (",
                  model_type, "), and only BPE can be expressed in a GGUF.");
  }
  SentencePieceModel model;
  model.pieces.reserve(proto.pieces_size());
  for (const SentencePieceProto& piece : proto.pieces()) {
    const size_t id = model.pieces.size();
    if (piece.piece().empty()) return Broken(file_name, "piece ", id, " has no text.");
    if (!std::isfinite(piece.score())) {
      return Broken(file_name, "piece ", id, " has the score ", piece.score(),
                    ", expected a finite number.");
    }
    if (piece.type() < 1 || piece.type() > 6) {
      return Broken(file_name, "piece ", id, " has the unknown type ", piece.type(),
                    ", expected 1 to 6.");
    }
    model.pieces.push_back({piece.piece(), piece.score(), static_cast<TokenType>(piece.type())});
  }
  return model;
}

}  // namespace gguf
