// SPDX-License-Identifier: MIT
// Every registered objective, and every variant that its keys allow, with score sets that any of
// them can read.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "lldm/builtin/builtin.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/laws/score_inputs.hpp"
#include "lldm/registry/registry.hpp"
#include "support/score_sets.hpp"
#include "support/services.hpp"

namespace lldm::testing {

struct ObjectiveCase {
  std::string name;  // "hinge normalize=response_length"
  AnyObjective objective;
  double ld_alpha = 1.0;
  /// A baseline of the scores themselves without gradient: slopes are not those of the loss.
  bool has_stopped_gradient = false;
};

namespace detail {

using config::Value;

inline Value text(std::string_view value) { return Value::string(std::string(value)); }

inline Value table_of(const std::vector<std::pair<std::string, Value>>& entries) {
  Value table = Value::table({});
  for (const auto& [key, value] : entries) table.set(key, value);
  return table;
}

inline bool has_key(const Entry& entry, std::string_view key) {
  return std::ranges::any_of(entry.fields, [&](const auto& field) { return field.key == key; });
}

/// The tables of one objective: its own defaults at beta = 0.3, then one for every choice of its
/// keys.
inline std::vector<std::pair<std::string, Value>> tables_of(const Entry& entry) {
  Value base = table_of({{"type", text(entry.name)}});
  if (has_key(entry, "beta")) base.set("beta", Value::real(0.3));
  if (entry.name == "weighted_sum")
    base.set("terms",
             Value::array({table_of({{"type", text("dpo")}, {"beta", Value::real(0.3)}}),
                           table_of({{"type", text("sft")}, {"weight", Value::real(0.05)}})}));
  std::vector<std::pair<std::string, Value>> tables{{entry.name, base}};
  const auto add = [&](const std::string& key, const Value& value, const std::string& shown) {
    Value table = base;
    table.set(key, value);
    tables.emplace_back(entry.name + " " + key + "=" + shown, table);
  };
  for (const auto& field : entry.fields) {
    for (std::size_t i = 1; i < field.choices.size() && field.type == "choice"; ++i)
      add(field.key, text(field.choices[i]), field.choices[i]);
    if (field.key == "f_divergence")
      for (const char* type : {"forward_kl", "js_divergence", "alpha_divergence"})
        add(field.key, table_of({{"type", text(type)}}), type);
    if (field.key == "ld_alpha") add(field.key, Value::real(0.4), "0.4");
    if (field.key == "label_smoothing" && entry.name != "exo_pair")
      add(field.key, Value::real(0.2), "0.2");
    if (field.key == "llada_parity") continue;  // the mean over micro-batches: no sum over groups
    if (field.key == "alpha") add(field.key, Value::real(0.25), "0.25");
    if (field.key == "sft_weight") add(field.key, Value::real(0.5), "0.5");
    if (field.key == "answers") add(field.key, Value::integer(2), "2");
  }
  return tables;
}

}  // namespace detail

inline std::vector<ObjectiveCase> objective_cases() {
  Registry registry;
  register_builtin_components(registry);
  const TestServices services(registry);
  std::vector<ObjectiveCase> cases;
  for (const auto& entry : registry.entries(Role::objective))
    for (const auto& [name, table] : detail::tables_of(*entry)) {
      const BoundComponent bound = registry.bind_or_throw(Role::objective, table, {});
      cases.push_back({name, registry.make<AnyObjective>(bound, services.get()),
                       name.ends_with("ld_alpha=0.4") ? 0.4 : 1.0,
                       name == "bco_pair baseline=step_mean"});
    }
  return cases;
}

using laws::part_slopes;
using laws::RandomParts;
using laws::set_of_parts;

}  // namespace lldm::testing
