// SPDX-License-Identifier: MIT
// The laws of whatever a registry holds.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/laws/law.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {

struct LoadedPlugin;

}  // namespace lldm

namespace lldm::laws {

/// `objective "margin_dpo"`, `stage "count_words"`
[[nodiscard]] std::string component_name(const Entry& entry);
[[nodiscard]] std::string component_name(const AnyStageKind& kind);

/// The options of one component: its defaults, changed by `KEY=VALUE` for every component that has
/// the key and by `COMPONENT.KEY=VALUE` for that one.
/// Errors  ConfigError naming what is wrong; keys without default that are not given are named with
///         the `--set` that gives them.
[[nodiscard]] config::Value component_table(const Registry& registry, const Entry& entry,
                                            const std::vector<std::string>& settings);
/// The same of a kind of stage: what a file would write, named "laws", without defaults.
[[nodiscard]] config::Value stage_table(const AnyStageKind& kind,
                                        const std::vector<std::string>& settings);

/// ConfigError for a setting that nothing of the plugin reads.
void check_settings(const LoadedPlugin& plugin, const std::vector<std::string>& settings);

/// Makes the component that `table` names, with a tokenizer of 13 ids (0 to 9 text, 10 end of text,
/// 11 end of turn, 12 the mask; of a score estimator 3 ids and the mask 3), and lists its laws: the
/// first, that it is made, is checked already.  The registry outlives the laws.
[[nodiscard]] std::vector<Law> component_laws(const Registry& registry, const Entry& entry,
                                              const config::Value& table);

}  // namespace lldm::laws
