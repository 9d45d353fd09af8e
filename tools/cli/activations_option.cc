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
         "how precisely activations are multiplied; f32: as floats, the reference; bf16: prompts "
         "as "
         "bfloat16 where the machine has AMX, single tokens in 16 bits where that is faster; q8: "
         "single tokens in 8 bits where that is faster, the rest as bf16")
      ->check(CLI::IsMember(names))
      ->default_str(std::string(NameOf(*type)));
}

}  // namespace gguf
