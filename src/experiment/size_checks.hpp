// SPDX-License-Identifier: MIT
// Sizes that no machine has, found before anything is allocated.
#pragma once

#include <cstdint>

#include "lldm/config/diagnostics.hpp"
#include "lldm/experiment/experiment.hpp"
#include "lldm/fwd.hpp"

namespace lldm {

/// Where the experiment is to be held.  `plan` and `validate` may be asked for another machine.
enum class SizeLimit : std::uint8_t { any_machine, this_machine };

/// Reports sizes of a bound experiment that cannot be meant: threads beyond what the machine could
/// use, a model or a batch of plans beyond what there is, an answer canvas that its model does not
/// accept.  On `this_machine` a stage that trains on the CPU must have room for its weights, their
/// gradients and the optimizer's two moments.  `root` is the file's tree, for places.
void check_sizes(const Experiment& experiment, const config::Value& root, const Registry& registry,
                 SizeLimit limit, config::Diagnostics& diagnostics);

}  // namespace lldm
