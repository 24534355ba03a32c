// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "lldm/concepts/any_sampler.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// The laws of concepts/sampler.hpp, with a model of `vocabulary` ids whose logits are hashes of
/// everything it is shown; `mask` is its mask token.
[[nodiscard]] std::vector<Law> sampler_laws(const AnySampler& sampler, std::int64_t vocabulary,
                                            std::int64_t mask);

}  // namespace lldm::laws
