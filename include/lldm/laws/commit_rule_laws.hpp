// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/concepts/any_commit_rule.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// The laws of concepts/commit_rule.hpp.
[[nodiscard]] std::vector<Law> commit_rule_laws(const AnyCommitRule& rule);

}  // namespace lldm::laws
