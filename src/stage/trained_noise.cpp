// SPDX-License-Identifier: MIT
#include "lldm/stage/trained_noise.hpp"

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/track/logger.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {

TrainedNoise trained_noise(std::string_view type, const AnyForwardProcess& process) {
  return {std::string(type), !process.is_absorbing(), process.block_size()};
}

TrainedNoise saved_noise(const std::filesystem::path& model_folder) {
  const auto file = model_folder / "forward_process.toml";
  if (model_folder.empty() || !std::filesystem::exists(file)) return {};
  config::Diagnostics diagnostics;
  const config::Value table =
      config::parse(read_sealed(file), {file.string(), model_folder}, diagnostics);
  auto noise = config::read_options<TrainedNoise>(table, diagnostics, "forward_process");
  diagnostics.throw_if_any();
  return noise;
}

void check_sampling(const TrainedNoise& noise, const std::string& model, Logger& logger) {
  if (noise.shows_tokens)
    throw ConfigError(
        message(model, " was trained with forward_process \"", noise.type,
                "\", whose noise shows tokens: the samplers replace mask tokens, which "
                "it never saw\n  such a model can be scored (`pairs`, lldm score), "
                "or trained on with forward_process = \"masked\" and then sampled"));
  if (noise.block_size > 0)
    logger.warning(message(model, " was trained with forward_process \"", noise.type,
                           "\" (blocks of ", noise.block_size,
                           " tokens, nothing behind a block); the samplers show the whole answer "
                           "under full attention, which it was not trained for"));
}

std::string scoring_problem(const TrainedNoise& noise, const std::string& model,
                            std::string_view type, const AnyForwardProcess& process) {
  const TrainedNoise asked = trained_noise(type, process);
  if (noise.is_plain() ||
      (noise.shows_tokens == asked.shows_tokens && noise.block_size == asked.block_size))
    return "";
  return message(model, " was trained with forward_process \"", noise.type, "\"",
                 noise.block_size > 0 ? message(" (block_size = ", noise.block_size, ")") : "",
                 ", it is scored with \"", asked.type, "\"",
                 asked.block_size > 0 ? message(" (block_size = ", asked.block_size, ")") : "");
}

}  // namespace lldm
