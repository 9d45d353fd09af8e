// Whether two files describe one model: numbers that tensors do not show.

#ifndef GGUF_TOOLCHAIN_FORMATS_HYPERPARAMETERS_H_
#define GGUF_TOOLCHAIN_FORMATS_HYPERPARAMETERS_H_

#include <string>
#include <vector>

#include "formats/vision/tower.h"
#include "gguf/metadata.h"

namespace gguf {

// Keys below the architecture that both language models have with different values (1e-6 of a
// number is no difference), one sentence each with key, found and expected. vocab_size and the
// tower's keys are passed over; of gemma3, both containers' names count, and what engines take for
// keys that are left out.
std::vector<std::string> DifferentHyperparameters(const Metadata& model, const Metadata& reference);

// The same of vision towers. `is_ollama`: `model` is of Ollama's single file, whose keys the
// sentences then name. Colours are compared between projector files only (`has_colors`).
std::vector<std::string> DifferentTowers(const TowerSizes& model, const TowerSizes& reference,
                                         bool is_ollama, bool has_colors);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_HYPERPARAMETERS_H_
