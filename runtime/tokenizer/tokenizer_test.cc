// Metadata that is wrong, missing or meant to do harm, and the options of encoding and decoding.

#include "runtime/tokenizer/tokenizer.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/tokenizer/stream_decoder.h"
#include "runtime/tokenizer/testing.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<int32_t>;
using Texts = std::vector<std::string>;

// Ids: 0 <unk>, 1 <s>, 2 </s>, 3 "\u2581", 4 a, 5 b, 6 ab, 7 "\u2581a", 8 "\u2581ab" (UNUSED),
// 9 "  " (USER_DEFINED).
const Texts kTokens = {"<unk>",
                       "<s>",
                       "</s>",
                       "\u2581",
                       "a",
                       "b",
                       "ab",
                       "\u2581"
                       "a",
                       "\u2581"
                       "ab",
                       "  "};

Metadata Llama() {
  Metadata metadata;
  metadata.Set(keys::kTokenizerModel, "llama");
  metadata.Set(keys::kTokenizerTokens, kTokens);
  metadata.Set(keys::kTokenizerScores, std::vector<float>{0, 0, 0, 0, 0, 0, -3, -1, -2, -1000});
  metadata.Set(keys::kTokenizerTokenType, std::vector<int32_t>{2, 3, 3, 1, 1, 1, 1, 1, 5, 4});
  return metadata;
}

Metadata Bert() {
  Metadata metadata;
  metadata.Set(keys::kTokenizerModel, "bert");
  metadata.Set(keys::kTokenizerTokens, Texts{"[UNK]", "[CLS]", "[SEP]",
                                             "\u2581"
                                             "ab",
                                             "c", "\u2581", "\u2581."});
  metadata.Set(keys::kTokenizerTokenType, std::vector<int32_t>{3, 3, 3, 1, 1, 1, 1});
  metadata.Set(keys::kTokenizerUnknownTokenId, uint32_t{0});
  metadata.Set(keys::kTokenizerBosTokenId, uint32_t{1});
  metadata.Set(keys::kTokenizerSeparatorTokenId, uint32_t{2});
  return metadata;
}

std::unique_ptr<Tokenizer> LoadOrDie(const Metadata& metadata) {
  auto tokenizer = Tokenizer::Load(metadata);
  if (!tokenizer.ok()) ADD_FAILURE() << tokenizer.status();
  return *std::move(tokenizer);
}

Ids Encode(const Tokenizer& tokenizer, absl::string_view text, bool add_special = false,
           bool parse_special = true) {
  EncodeOptions options;
  options.add_special = add_special;
  options.parse_special = parse_special;
  const auto ids = tokenizer.Encode(text, options);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.value_or(Ids{-1});
}

void ExpectError(const Metadata& metadata, absl::StatusCode code, const Texts& parts) {
  const auto tokenizer = Tokenizer::Load(metadata);
  EXPECT_EQ(tokenizer.status().code(), code) << tokenizer.status();
  for (const std::string& part : parts) EXPECT_THAT(tokenizer.status().message(), HasSubstr(part));
}

TEST(TokenizerTest, MergesByScoreAndSplitsUnusedTokens) {
  const auto tokenizer = LoadOrDie(Llama());
  EXPECT_THAT(Encode(*tokenizer, "a"), ElementsAre(7));
  EXPECT_THAT(Encode(*tokenizer, "b"), ElementsAre(3, 5));
  EXPECT_THAT(Encode(*tokenizer, "bab"), ElementsAre(3, 5, 6));
  // "\u2581a" is merged first, then "\u2581ab", which no text may show.
  EXPECT_THAT(Encode(*tokenizer, "ab"), ElementsAre(7, 5));
  EXPECT_THAT(Encode(*tokenizer, ""), IsEmpty());
}

TEST(TokenizerTest, AddsAndParsesSpecialTokensAsAsked) {
  const auto tokenizer = LoadOrDie(Llama());
  EXPECT_THAT(Encode(*tokenizer, "", true), ElementsAre(1));
  EXPECT_THAT(Encode(*tokenizer, "a</s>a", true), ElementsAre(1, 7, 2, 7));
  EXPECT_THAT(Encode(*tokenizer, "a  a", false, false), ElementsAre(7, 9, 7));
  const Ids unparsed = Encode(*tokenizer, "</s>", true, false);
  EXPECT_THAT(unparsed, ElementsAre(1, 3, 0, 0, 0, 0));  // no token, no byte: unknown
}

TEST(TokenizerTest, CountsMissingFlagsAndIdsAsTheFieldDoes) {
  const auto llama = LoadOrDie(Llama());
  EXPECT_EQ(llama->bos(), 1);
  EXPECT_EQ(llama->eos(), 2);
  EXPECT_TRUE(llama->add_bos());
  EXPECT_FALSE(llama->add_eos());
  const auto plain = LoadOrDie(ByteLevelMetadata({"<|begin|>"}, {}, "gpt-2"));
  EXPECT_EQ(plain->bos(), kNoToken);
  EXPECT_FALSE(plain->add_bos());
  Metadata llama3 = ByteLevelMetadata({"<|begin|>"}, {}, "llama3");
  EXPECT_FALSE(LoadOrDie(llama3)->add_bos());  // there is none to add
  llama3.Set(keys::kTokenizerBosTokenId, uint32_t{256});
  EXPECT_THAT(Encode(*LoadOrDie(llama3), "A", true), ElementsAre(256, 65));
  llama3.Set(keys::kTokenizerAddBosToken, false);
  EXPECT_THAT(Encode(*LoadOrDie(llama3), "A", true), ElementsAre(65));
  EXPECT_THAT(Encode(*LoadOrDie(Bert()), "ab", true), ElementsAre(1, 3, 2));
}

TEST(TokenizerTest, MarkerTokensNeverComeFromOrdinaryText) {
  Metadata metadata = Llama();
  Texts tokens = kTokens;
  tokens[5] = "<";
  tokens[6] = "</";  // "</" + "s>" would make "</s>"
  tokens[7] = "s>";
  tokens[8] = "s";
  tokens.insert(tokens.end(), {">", "/"});
  metadata.Set(keys::kTokenizerTokens, tokens);
  metadata.Set(keys::kTokenizerScores, std::vector<float>(tokens.size(), -1.0f));
  metadata.Set(keys::kTokenizerTokenType, std::vector<int32_t>{2, 3, 3, 1, 1, 1, 1, 1, 1, 4, 1, 1});
  EXPECT_THAT(Encode(*LoadOrDie(metadata), "</s>", false, false), ElementsAre(3, 6, 7));
  // With ignore_merges a whole piece may be a token, but not a control token.
  Metadata llama3 = ByteLevelMetadata({"stop"}, {}, "llama-bpe");
  std::vector<int32_t> types(257, 1);
  types[256] = 3;
  llama3.Set(keys::kTokenizerTokenType, types);
  EXPECT_THAT(Encode(*LoadOrDie(llama3), "stop", false, false), ElementsAre('s', 't', 'o', 'p'));
  EXPECT_THAT(Encode(*LoadOrDie(llama3), "stop"), ElementsAre(256));
}

TEST(TokenizerTest, BytesThatAreNoUtf8SurviveWhereThereAreByteTokens) {
  const std::string text = "a\xff\xc3(\xf0\x9f\x98z\xed\xa0\x80\xc0\x80";
  const auto byte_level = LoadOrDie(ByteLevelMetadata({}, {}, "gpt-2"));
  EXPECT_EQ(byte_level->Decode(Encode(*byte_level, text)), text);
  Metadata metadata = Llama();
  Texts tokens = kTokens;
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(absl::StrCat("<0x", absl::AlphaNum(absl::Hex(byte, absl::kZeroPad2)), ">"));
    for (char& c : tokens.back()) c = c >= 'a' && c <= 'f' ? c - 32 : c;
  }
  std::vector<int32_t> types = {2, 3, 3, 1, 1, 1, 1, 1, 5, 4};
  types.resize(tokens.size(), 6);
  metadata.Set(keys::kTokenizerTokens, tokens);
  metadata.Set(keys::kTokenizerTokenType, types);
  metadata.Set(keys::kTokenizerScores, std::vector<float>(tokens.size(), 0.0f));
  const auto llama = LoadOrDie(metadata);
  EXPECT_EQ(llama->Decode(Encode(*llama, text)), text);
  const auto bert = LoadOrDie(Bert());
  EXPECT_THAT(Encode(*bert,
                     "\xff"
                     "ab\xc3"),
              ElementsAre(3));  // dropped
}

TEST(TokenizerTest, StreamHoldsBackIncompleteCharacters) {
  const auto tokenizer = LoadOrDie(ByteLevelMetadata({}, {}, "gpt-2"));
  StreamDecoder stream(tokenizer.get());
  const std::string smile = "\xF0\x9F\x98\x81";
  Ids ids = Encode(*tokenizer, smile);
  ASSERT_EQ(ids.size(), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stream.Add(ids[i]), "");
  EXPECT_EQ(stream.Add(ids[3]), smile);
  EXPECT_EQ(stream.Add(ids[0]), "");
  EXPECT_EQ(stream.Add('x'), "\xF0x");  // nothing to wait for any more
  EXPECT_EQ(stream.Add(ids[0]), "");
  EXPECT_EQ(stream.Finish(), "\xF0");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(TokenizerTest, DecodesOnlyWhatIsThere) {
  const auto tokenizer = LoadOrDie(Llama());
  EXPECT_EQ(tokenizer->Decode({-1, 1, 7, 10, 2, 1 << 30, 6, std::numeric_limits<int32_t>::min()}),
            "aab");
  DecodeOptions options;
  options.show_special = true;
  EXPECT_EQ(tokenizer->Decode({1, 7, 2}, options), "<s> a</s>");
  EXPECT_EQ(tokenizer->TokenText(7),
            "\u2581"
            "a");
  EXPECT_EQ(tokenizer->TokenText(-1), "");
  EXPECT_EQ(tokenizer->TokenText(10), "");
  EXPECT_EQ(tokenizer->Piece(7), " a");
  EXPECT_EQ(tokenizer->Piece(10), "");
  EXPECT_EQ(LoadOrDie(Bert())->Decode({3, 4, 3, 6}), "abc ab.");
}

TEST(TokenizerTest, WordPieceNeedsTokensForTheWholeWord) {
  const auto tokenizer = LoadOrDie(Bert());
  EXPECT_THAT(Encode(*tokenizer, "abc ABC ab"), ElementsAre(3, 4, 3, 4, 3));
  EXPECT_THAT(Encode(*tokenizer, "abx"), ElementsAre(0));
  EXPECT_THAT(Encode(*tokenizer,
                     "ab\u2581"
                     "ab"),
              ElementsAre(0));
  EXPECT_THAT(Encode(*tokenizer, "c"), ElementsAre(0));  // the mark alone begins no word
  const std::string word = "ab" + std::string(98, 'c');
  EXPECT_EQ(Encode(*tokenizer, word).size(), 99u);
  EXPECT_THAT(Encode(*tokenizer, word + "c"), ElementsAre(0));  // 101 characters
}

TEST(TokenizerTest, UnknownTextWithoutUnknownTokenIsAnError) {
  Metadata bert = Bert();
  bert.Remove(keys::kTokenizerUnknownTokenId);
  EXPECT_THAT(LoadOrDie(bert)->Encode("x").status().message(), HasSubstr("\"x\""));
  Metadata plain = ByteLevelMetadata({}, {}, "gpt-2");
  Texts tokens(257, "");
  for (int i = 0; i < 257; ++i) tokens[i] = absl::StrCat("token", i);
  plain.Set(keys::kTokenizerTokens, tokens);
  EXPECT_THAT(LoadOrDie(plain)->Encode("x").status().message(), HasSubstr("0x78"));
  plain.Set(keys::kTokenizerUnknownTokenId, uint32_t{5});
  EXPECT_THAT(Encode(*LoadOrDie(plain), "xy"), ElementsAre(5, 5));
}

// ---- Metadata

TEST(TokenizerTest, NamesWhatIsMissing) {
  ExpectError(Metadata(), absl::StatusCode::kNotFound, {"tokenizer.ggml.model", "absent"});
  Metadata metadata = Llama();
  metadata.Remove(keys::kTokenizerTokens);
  ExpectError(metadata, absl::StatusCode::kNotFound, {"tokenizer.ggml.tokens", "absent"});
  metadata = ByteLevelMetadata({}, {}, "gpt-2");
  metadata.Remove(keys::kTokenizerMerges);
  ExpectError(metadata, absl::StatusCode::kNotFound, {"tokenizer.ggml.merges"});
}

TEST(TokenizerTest, NamesAnUnknownTokenizer) {
  Metadata metadata = Llama();
  metadata.Set(keys::kTokenizerModel, "t5");
  ExpectError(metadata, absl::StatusCode::kUnimplemented, {"tokenizer.ggml.model", "\"t5\""});
  ExpectError(ByteLevelMetadata({}, {}, "no-such\n"), absl::StatusCode::kUnimplemented,
              {"tokenizer.ggml.pre", "no-such\\n", "llama-bpe", "deepseek-r1-qwen"});
  metadata = ByteLevelMetadata({}, {}, "gpt-2");
  metadata.Remove(keys::kTokenizerPre);
  EXPECT_THAT(LoadOrDie(metadata)->warnings(), ElementsAre(HasSubstr("tokenizer.ggml.pre")));
}

TEST(TokenizerTest, RefusesWrongTypesAndLengths) {
  const std::pair<keys::Key, Value> cases[] = {
      {keys::kTokenizerModel, Value(uint32_t{1})},
      {keys::kTokenizerTokens, Value(std::vector<int32_t>{1})},
      {keys::kTokenizerTokens, Value(Texts{})},
      {keys::kTokenizerScores, Value(std::vector<float>(9))},
      {keys::kTokenizerScores, Value(std::vector<float>(11))},
      {keys::kTokenizerScores, Value(std::vector<float>{})},
      {keys::kTokenizerScores, Value(std::vector<int32_t>(10))},
      {keys::kTokenizerScores, Value("text")},
      {keys::kTokenizerScores, Value(std::vector<float>(10, NAN))},
      {keys::kTokenizerScores, Value(std::vector<float>(10, INFINITY))},
      {keys::kTokenizerTokenType, Value(std::vector<int32_t>(9, 1))},
      {keys::kTokenizerTokenType, Value(std::vector<float>(10, 1))},
      {keys::kTokenizerTokenType, Value(Texts(10))},
      {keys::kTokenizerBosTokenId, Value("1")},
      {keys::kTokenizerAddBosToken, Value(uint32_t{1})},
      {keys::kTokenizerAddSpacePrefix, Value("yes")},
  };
  for (const auto& [key, value] : cases) {
    Metadata metadata = Llama();
    metadata.Set(key, value);
    ExpectError(metadata, absl::StatusCode::kInvalidArgument, {std::string(key)});
  }
}

TEST(TokenizerTest, AcceptsOtherIntegerTypesAndTypesThatDoNotExist) {
  Metadata metadata = Llama();
  metadata.Set(keys::kTokenizerTokenType, std::vector<uint32_t>{2, 3, 3, 1, 0, 77, 1, 1, 5, 4});
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_THAT(tokenizer->warnings(), ElementsAre(HasSubstr("2 tokens")));
  EXPECT_THAT(Encode(*tokenizer, "a</s>"), ElementsAre(7, 2));
}

TEST(TokenizerTest, LacksScoresAndTypes) {
  Metadata metadata = Llama();
  metadata.Remove(keys::kTokenizerScores);
  metadata.Remove(keys::kTokenizerTokenType);
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_THAT(tokenizer->warnings(), ElementsAre(HasSubstr("tokenizer.ggml.scores")));
  EXPECT_THAT(Encode(*tokenizer, "ab"), ElementsAre(8));
}

TEST(TokenizerTest, RefusesTwoTokensWithOneText) {
  Metadata metadata = Llama();
  Texts tokens = kTokens;
  tokens[5] = "a";
  metadata.Set(keys::kTokenizerTokens, tokens);
  ExpectError(metadata, absl::StatusCode::kInvalidArgument,
              {"tokenizer.ggml.tokens", "4 and 5", "\"a\""});
}

TEST(TokenizerTest, ToleratesTokensWithoutText) {
  Metadata metadata = Llama();
  Texts tokens = kTokens;
  tokens[5].clear();
  tokens[9].clear();  // USER_DEFINED: would be found everywhere
  metadata.Set(keys::kTokenizerTokens, tokens);
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_THAT(tokenizer->warnings(), ElementsAre(HasSubstr("2 tokens have no text")));
  EXPECT_THAT(Encode(*tokenizer, "aa"), ElementsAre(7, 4));
}

TEST(TokenizerTest, IgnoresSpecialIdsOutOfRange) {
  for (const uint64_t id : {uint64_t{10}, uint64_t{0xFFFFFFFF}, ~uint64_t{0}}) {
    Metadata metadata = Llama();
    metadata.Set(keys::kTokenizerEotTokenId, id);
    const auto tokenizer = LoadOrDie(metadata);
    EXPECT_EQ(tokenizer->eot(), kNoToken);
    EXPECT_THAT(tokenizer->warnings(), ElementsAre(HasSubstr("eot_token_id")));
  }
  Metadata metadata = ByteLevelMetadata({}, {}, "gpt-2");
  metadata.Set(keys::kTokenizerBosTokenId, uint32_t{256});
  metadata.Set(keys::kTokenizerAddBosToken, true);
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_FALSE(tokenizer->add_bos());
  EXPECT_EQ(tokenizer->warnings().size(), 2u);
}

TEST(TokenizerTest, MergesMayNameTextsThatAreNoTokens) {
  // h+e is no token but a step to "hey"; o+o is no token and stays: its bytes are written.
  const auto tokenizer =
      LoadOrDie(ByteLevelMetadata({"hey"}, {"h e", "he y", "o o", "h e"}, "gpt-2"));
  EXPECT_THAT(Encode(*tokenizer, "hey"), ElementsAre(256));
  EXPECT_THAT(Encode(*tokenizer, "hee"), ElementsAre('h', 'e', 'e'));
  EXPECT_THAT(Encode(*tokenizer, "foo"), ElementsAre('f', 'o', 'o'));
}

TEST(TokenizerTest, RefusesMergesThatAreNone) {
  for (const char* merge : {"", " ", "ab", "a ", " a"}) {
    const auto metadata = ByteLevelMetadata({}, {"a b", merge}, "gpt-2");
    ExpectError(metadata, absl::StatusCode::kInvalidArgument, {"merges", "element 1"});
  }
}

TEST(TokenizerTest, EndsGenerationAtKnownTexts) {
  std::vector<int32_t> types(260, 1);
  types[256] = types[257] = 3;
  Metadata metadata =
      ByteLevelMetadata({"<|eot_id|>", "<|eom_id|>", "</s>", "<|im_end|>"}, {}, "gpt-2");
  metadata.Set(keys::kTokenizerTokenType, types);
  metadata.Set(keys::kTokenizerEosTokenId, uint32_t{65});
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_EQ(tokenizer->eot(), 256);
  EXPECT_EQ(tokenizer->special().eom, 257);
  for (const int32_t id : {65, 256, 257}) EXPECT_TRUE(tokenizer->IsEndOfGeneration(id)) << id;
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(258));  // NORMAL: may be HTML
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(259));   // nobody writes this by chance
  EXPECT_THAT(tokenizer->warnings(), ElementsAre(HasSubstr("<|im_end|>")));
  EXPECT_THAT(Encode(*tokenizer, "<|im_end|>"), ElementsAre(259));
}

TEST(TokenizerTest, HugeTokensAndTextsTakeNoLongerThanTheirLength) {
  constexpr size_t kHuge = size_t{1} << 20;
  Metadata metadata = Llama();
  Texts tokens = kTokens;
  tokens[6] = std::string(kHuge, 'a');  // NORMAL
  tokens[9] = std::string(kHuge, 'b');  // USER_DEFINED
  metadata.Set(keys::kTokenizerTokens, tokens);
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_THAT(tokenizer->warnings(), ElementsAre(HasSubstr("1 special tokens")));
  EXPECT_EQ(Encode(*tokenizer, std::string(kHuge + 1, 'a')).size(), kHuge + 1);
  EXPECT_EQ(Encode(*tokenizer, tokens[9]).size(), kHuge + 1);
  EXPECT_THAT(tokenizer->Encode(std::string(kMaxTextBytes + 1, 'a')).status().message(),
              HasSubstr("expected at most"));
}

// One special token of every length, all nested in each other.
TEST(TokenizerTest, NestedSpecialTokensAreFoundLongestFirst) {
  Texts more;
  for (size_t length = 1; length <= kMaxSpecialTokenBytes + 1; ++length) {
    more.push_back(std::string(length, ' '));
  }
  Metadata metadata = ByteLevelMetadata(more, {}, "gpt-2");
  std::vector<int32_t> types(256, 1);
  types.resize(256 + more.size(), 4);
  metadata.Set(keys::kTokenizerTokenType, types);
  const auto tokenizer = LoadOrDie(metadata);
  EXPECT_THAT(Encode(*tokenizer, "x" + std::string(2 * kMaxSpecialTokenBytes + 3, ' ') + "y"),
              ElementsAre('x', 511, 511, 258, 'y'));
  EXPECT_EQ(Encode(*tokenizer, std::string(1 << 16, ' ')).size(), 1u << 8);
}

}  // namespace
}  // namespace gguf
