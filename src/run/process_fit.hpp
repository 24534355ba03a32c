// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/config/diagnostics.hpp"
#include "lldm/experiment/experiment.hpp"

namespace lldm {

class Registry;

/// Tells the diagnostics, before anything is trained, of stages whose estimator has no meaning for
/// their forward process and of stages that would sample from a model whose noise shows tokens.
/// `tables`: the array `stage` of the resolved document, for the places of keys.
void check_process_fit(const Experiment& experiment, const config::Value* tables,
                       const Registry& registry, config::Diagnostics& diagnostics);

}  // namespace lldm
