#include "tools/cli/usage.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gguf {
namespace {

constexpr size_t kMaxWrongLetters = 2;
constexpr size_t kMaxWord = 64;  // longer ones are no misspelt names

// Levenshtein's distance: letters to replace, insert or remove.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(absl::StrCat("--", name));
  }
  return names;
}

std::string DidYouMean(absl::string_view word, absl::Span<const std::string> known) {
  const std::string suggestion = Suggestion(word, known);
  return suggestion.empty() ? "" : absl::StrCat("; did you mean ", suggestion, "?");
}

// The words that nothing expects, in the order they were given, or the option they begin with.
std::string Unexpected(const CLI::App& app, const std::vector<std::string>& words) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  const std::string& word = words.front();
  const bool is_option = absl::StartsWith(word, "-");
  const std::string name = word.substr(0, word.find('='));
  // What follows an unknown option may be its value or not: the parser cannot tell.
  return absl::StrCat(is_option ? "unknown option '" : "unexpected '",
                      is_option ? word : absl::StrJoin(words, " "), "'",
                      DidYouMean(name, OptionsOf(parsed.empty() ? app : *parsed[0])));
}

}  // namespace

std::string Suggestion(absl::string_view word, absl::Span<const std::string> known) {
  if (word.size() > kMaxWord) return "";
  const std::string wanted = absl::AsciiStrToLower(word);
  std::string best;
  size_t best_distance = std::min(kMaxWrongLetters + 1, (word.size() + 1) / 2);
  for (const std::string& name : known) {
    const size_t distance = Distance(wanted, name);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = name;
  }
  return best;
}

std::string NoCommand(const CLI::App& app) {
  return absl::StrCat("no command given; the commands are ", absl::StrJoin(CommandsOf(app), ", "));
}

std::string UsageMistake(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || words.empty()) {
    return error.what();
  }
  const std::vector<std::string> commands = CommandsOf(app);
  if (commands.empty() || !app.get_subcommands().empty()) return Unexpected(app, words);
  if (absl::StartsWith(words[0], "-")) return NoCommand(app);
  return absl::StrCat("unknown command '", words[0], "'; the commands are ",
                      absl::StrJoin(commands, ", "), DidYouMean(words[0], commands));
}

}  // namespace gguf
