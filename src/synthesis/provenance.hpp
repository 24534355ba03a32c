// SPDX-License-Identifier: MIT
// Where a pair is from, as it stands in the pair.  Internal to src.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "synthesis/inject_pairs.hpp"

namespace lldm::synthesis {

/// {"method", "source", "sha256", "line", "row", "seed", "benchmark", "scheme", "lldm"}: what made
/// the pair, the file (without its folder), its hash, the line and the id of the row, the seed, the
/// set that models are measured by, and the versions.  What is not known is left out.
[[nodiscard]] nlohmann::ordered_json provenance_of(std::string_view method,
                                                   const PairSource& source, const Example& example,
                                                   std::optional<std::uint64_t> seed,
                                                   const std::string& benchmark);

}  // namespace lldm::synthesis
