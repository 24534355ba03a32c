// SPDX-License-Identifier: MIT
// The sizes of a model that may not be here yet.
#include "model/planned_model.hpp"

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/family.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// Whether [model] gives a size, for a folder that is not here.  A length alone is none: it may
/// shorten any model.
bool has_sizes(const ModelOptions& model) {
  const ModelOptions none;
  return model.width != none.width || model.layers != none.layers || model.heads != none.heads ||
         model.mlp_width != none.mlp_width;
}

/// LLaDA-8B's, Base and Instruct.
/// Source  config.json of GSAI-ML/LLaDA-8B-Instruct.
ModelOptions with_llada_8b(ModelOptions model) {
  model.width = 4096;
  model.layers = model.heads = 32;
  model.mlp_width = 12288;
  model.max_length = 4096;
  return model;
}

std::string sizes_note(const fs::path& folder, const TransformerConfig& config) {
  return message("  ", folder.string(), " is not here: planned with the sizes of [model] and ",
                 config.logit_columns, " ids\n  (width ", config.width, ", layers ", config.layers,
                 ", heads ", config.heads, ", key heads ", config.kv_heads, ", MLP width ",
                 config.mlp_width, ", at most ", config.max_length, " tokens)\n");
}

}  // namespace

TransformerConfig planned_config(const ModelOptions& model, const fs::path& from, std::string& note,
                                 std::int64_t vocabulary) {
  // Ids of a model whose tokenizer is not made yet (words): enough for the tasks that ship.
  constexpr std::int64_t kAssumedVocabulary = 128;
  const fs::path folder = from.empty() ? model.path : from;
  if (!folder.empty() && fs::exists(folder / "config.json"))
    return shortened(load_model_config(folder), model.max_length);
  if (folder.empty()) {
    if (vocabulary == 0 && model.vocab_size == 0)
      note =
          message("  planned with ", kAssumedVocabulary, " ids: the vocabulary is not made yet\n");
    return transformer_config(
        model, {.vocabulary_size = vocabulary > 0 ? vocabulary : kAssumedVocabulary});
  }
  const Family& family = family_of(model.family);
  const bool is_given = has_sizes(model);
  if (!is_given && family.name != "llada")
    throw ConfigError(message(folder.string(), " is not here, and [model] has no sizes of a \"",
                              family.name,
                              "\" to plan with\n  set width, layers, heads, kv_heads, mlp_width "
                              "and max_length as its config.json has them"));
  ModelOptions sizes = is_given ? model : with_llada_8b(model);
  sizes.path.clear();
  TransformerConfig config =
      transformer_config(sizes, {.vocabulary_size = family.published_vocabulary});
  if (config.given_head_width == 0) config.given_head_width = family.published_head_width;
  note = is_given ? sizes_note(folder, config)
                  : message("  ", folder.string(), " is not here: planned with LLaDA-8B's shape\n");
  return shortened(config, model.max_length);
}

ModelShape planned_shape(const ModelOptions& model, const fs::path& from, std::string& note) {
  return shape_of(planned_config(model, from, note));
}

}  // namespace lldm
