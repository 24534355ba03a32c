// SPDX-License-Identifier: MIT
// lldm model convert.
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/written_folder.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/conversion.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/tokenizer/find.hpp"
#include "lldm/tokenizer/free_ids.hpp"
#include "lldm/tokenizer/load.hpp"

namespace lldm::cli {
namespace {

namespace fs = std::filesystem;

/// Gives a mask that the tokenizer's file does not hold a text, where such files name added tokens.
void name_mask(const fs::path& from, const fs::path& out, std::int64_t mask) {
  if (!has_tokenizer(from) || mask < load_tokenizer(from)->vocabulary_size()) return;
  const std::string text(kAddedMask);
  const fs::path file = out / "tokenizer_config.json";
  nlohmann::ordered_json config = nlohmann::ordered_json::object();
  if (fs::exists(file)) config = nlohmann::ordered_json::parse(read_file(file));
  config["added_tokens_decoder"][std::to_string(mask)] = {
      {"content", text}, {"lstrip", false},      {"normalized", false},
      {"rstrip", false}, {"single_word", false}, {"special", true}};
  config["mask_token"] = text;
  write_file_atomically(file, config.dump(2) + "\n");
  std::cout << "the mask, id " << mask << ", is written " << text << " (tokenizer_config.json)\n";
}

/// `260, the first unused one`, and the reserved ones of the tokenizer.
std::string free_ids(const Tokenizer& tokenizer, std::int64_t rows) {
  constexpr std::size_t kShown = 4;
  const std::int64_t next = tokenizer.vocabulary_size();
  std::string text = next < rows ? message("give --mask-id ", next, ", the first unused one")
                                 : std::string("give --mask-id new, which adds a row");
  std::string list;
  for (const std::int64_t id : reserved_ids(tokenizer, kShown))
    list += message(list.empty() ? ", or a reserved one: " : ", ", id, " (",
                    tokenizer.decode(std::array{id}, false), ")");
  return text + list;
}

/// Ids of a tokenizer have no gaps, and a mask is written in no text.
void check_mask_id(const fs::path& from, const std::string& typed, std::int64_t id,
                   std::int64_t rows) {
  const auto tokenizer = load_tokenizer(from);
  const std::int64_t next = tokenizer->vocabulary_size(), own = tokenizer->special().mask;
  std::string wrong;
  if (own >= 0 && id != own)
    throw ConfigError(message("--mask-id ", typed, ": the folder's tokenizer has a mask, ", own,
                              "\n  give --mask-id ", own));
  if (id > next)
    wrong = message("the folder's tokenizer has ", next, " tokens, the embedding ", rows, " rows");
  else if (const std::string use = use_of_id(*tokenizer, id); !use.empty())
    wrong = "this is " + use;
  if (!wrong.empty())
    throw ConfigError(
        message("--mask-id ", typed, ": ", wrong, "\n  ", free_ids(*tokenizer, rows)));
}

}  // namespace

int run_model_convert(const Arguments& arguments) {
  const fs::path from = arguments.positional.at(0), out = new_folder(arguments);
  const std::string mask = arguments.value("mask-id"), shift = arguments.value("shift", "keep");
  if (mask.empty())
    throw ConfigError(
        "lldm model convert: no mask token\n  give --mask-id ID, an id that no text "
        "uses, or --mask-id new");
  if (shift != "keep" && shift != "drop")
    throw ConfigError(message("--shift got \"", shift, "\"\n  legal: keep, drop"));
  const auto model = load_widest(from);
  if (const auto family = arguments.value("from", model->config().family);
      family != model->config().family)
    throw ConfigError(
        message("--from ", family, ": ", from.string(), " is a ", model->config().family));
  if (model->has_adapter())
    throw ConfigError(message(from.string(), ": is an adapter\n  lldm model merge ", from.string(),
                              " --out NEW makes a folder that can be converted"));
  if (model->config().mask_token)
    throw ConfigError(message(from.string(), ": has a mask token already, ",
                              *model->config().mask_token,
                              "\n  it is a masked model: use it as it is, or export it"));
  // "keep" is where the folder's own logits stand.
  ConversionOptions options{.shifted_logits = shift == "keep" && model->config().shifted_logits};
  if (mask != "new") options.mask_token = arguments.integer("mask-id", 0);
  if (has_tokenizer(from))
    check_mask_id(from, mask, options.mask_token.value_or(model->config().embedding_rows()),
                  model->config().embedding_rows());
  const auto made = converted(*model, options);
  save_beside(*made, from, out, save_options(arguments, from));
  name_mask(from, out, *made->config().mask_token);
  return 0;
}

}  // namespace lldm::cli
