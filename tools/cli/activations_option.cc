#include "tools/cli/activations_option.h"

#include <string>
#include <vector>

namespace gguf {

void AddActivationsOption(CLI::App* app, ActivationType* type) {
  std::vector<std::string> names;
  for (const absl::string_view name : ActivationTypeNames()) names.emplace_back(name);
  app->add_option_function<std::string>(
         "--activations",
         [type](const std::string& name) { *type = ParseActivationType(name).value_or(*type); },
         "how precisely activations are multiplied; bf16 is faster for prompts where the machine "
         "has AMX; q8 is bf16 for prompts, and 8 bits for single tokens where that is faster than "
         "f32")
      ->check(CLI::IsMember(names))
      ->default_str(std::string(NameOf(*type)));
}

}  // namespace gguf
