// SPDX-License-Identifier: MIT
// The noise a model was trained with, kept in its folder where samplers must know of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

class Logger;

/// The file forward_process.toml of a model folder; a folder without one was trained with masks
/// over the whole answer (or elsewhere).
struct TrainedNoise {
  std::string type;
  bool shows_tokens = false;
  std::int64_t block_size = 0;
  static constexpr auto describe() {
    using T = TrainedNoise;
    return std::tuple{
        field("type", &T::type, "The forward process.").required(),
        field("shows_tokens", &T::shows_tokens, "Noised positions show tokens, not one mask."),
        field("block_size", &T::block_size, "Tokens of a block; 0: the answer as a whole.")
            .at_least(0)};
  }
  [[nodiscard]] bool is_plain() const { return !shows_tokens && block_size == 0; }
};

TrainedNoise trained_noise(std::string_view type, const AnyForwardProcess& process);

/// What a model folder says; plain masks where it says nothing.
TrainedNoise saved_noise(const std::filesystem::path& model_folder);

/// ConfigError where a model cannot be sampled by replacing masks; a warning where it was trained
/// with another attention than the samplers use.
void check_sampling(const TrainedNoise& noise, const std::string& model, Logger& logger);

/// Why scores of a model under another process than it was trained with say little; "" where the
/// folder knows of none, or of this one.
std::string scoring_problem(const TrainedNoise& noise, const std::string& model,
                            std::string_view type, const AnyForwardProcess& process);

}  // namespace lldm
