// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// The laws of concepts/forward_process.hpp, for a process made over `vocabulary` ids of which the
/// first `clean` are text.
[[nodiscard]] std::vector<Law> forward_process_laws(const AnyForwardProcess& process,
                                                    std::int64_t vocabulary, std::int64_t clean);

}  // namespace lldm::laws
