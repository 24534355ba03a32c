// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace lldm {

/// Refuses an adapter_config.json that says more than a LoRA of matrices beside the base as it is:
/// a key that is neither known nor empty, a start that changed the base, a value of a wrong type.
///
/// Errors  DataError that names every such key at once, its text starting with `where`.
/// Source  PEFT 0.21, tuners/lora/config.py and tuners/lora/layer.py.
void check_adapter_config(const nlohmann::json& config, const std::string& where);

}  // namespace lldm
