// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "lldm/config/value.hpp"
#include "lldm/services.hpp"

namespace lldm {

/// Tokens of the canvas on which the sampler of a stage's table writes, as the sampler itself says;
/// none where the table has no sampler.
/// Errors  ConfigError if the sampler cannot be made of its keys.
std::optional<std::int64_t> sampler_canvas(const config::Value& stage, const Services& services);

}  // namespace lldm
