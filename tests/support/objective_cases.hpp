// SPDX-License-Identifier: MIT
// Every registered objective, and every variant that its keys allow, with score sets that any of
// them can read.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lldm/builtin/builtin.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/registry/registry.hpp"
#include "support/score_sets.hpp"
#include "support/services.hpp"

namespace lldm::testing {

struct ObjectiveCase {
  std::string name;  // "hinge normalise=response_length"
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

/// The scores of a set from their parts by evaluation [B, G, N], the reference's likewise, and
/// everything that an objective may read beside them.
inline ScoreSet set_of_parts(const at::Tensor& policy, const at::Tensor& reference,
                             const at::Tensor& lengths) {
  ScoreSet set;
  set.parts = policy, set.reference_parts = reference;
  set.policy = policy.sum(2), set.reference = reference.sum(2);
  set.lengths = lengths;
  set.auxiliary["evaluations"] =
      at::ones({policy.size(0), policy.size(1)}, at::kDouble) * static_cast<double>(policy.size(2));
  set.auxiliary["times"] = at::zeros_like(reference) + 0.5;
  set.auxiliary["mismatched_policy"] = set.policy.detach().select(1, 0) + 1.5;
  set.auxiliary["mismatched_reference"] = set.reference.select(1, 0);
  set.totals.groups = static_cast<double>(policy.size(0));
  set.totals.rows = static_cast<double>(policy.size(0) * policy.size(1));
  set.totals.tokens = lengths.sum().item<double>();
  set.totals.first_tokens = lengths.select(1, 0).sum().item<double>();
  return set;
}

/// B groups of G scores around -20 in three parts each, lengths 1..9.
struct RandomParts {
  at::Tensor policy, reference, lengths;

  RandomParts(std::int64_t groups, std::int64_t size, std::uint64_t seed) {
    Stream stream = Draws(seed, "scores").stream(Purpose::data);
    std::vector<double> p, r, l;
    for (std::int64_t i = 0; i < groups * size; ++i) {
      for (int k = 0; k < 3; ++k) {
        p.push_back(-20.0 / 3 + stream.normal());
        r.push_back(p.back() + 0.6 * stream.normal());
      }
      l.push_back(static_cast<double>(1 + stream.below(9)));
    }
    policy = at::tensor(p, at::kDouble).view({groups, size, 3});
    reference = at::tensor(r, at::kDouble).view({groups, size, 3});
    lengths = at::tensor(l, at::kDouble).view({groups, size});
  }
  [[nodiscard]] ScoreSet set() const { return set_of_parts(policy, reference, lengths); }
  [[nodiscard]] ScoreSet group(std::int64_t b) const {
    ScoreSet one =
        set_of_parts(policy.narrow(0, b, 1), reference.narrow(0, b, 1), lengths.narrow(0, b, 1));
    one.totals = set().totals;
    return one;
  }
};

/// d loss_sum / d parts [B, G, N], through the scores and through the parts.
inline at::Tensor part_slopes(const AnyObjective& objective, const RandomParts& at) {
  const at::Tensor leaf = at.policy.detach().clone().set_requires_grad(true);
  const ScoreSet set = set_of_parts(leaf, at.reference, at.lengths);
  return torch::autograd::grad({objective.evaluate(set).loss_sum}, {leaf}).front();
}

}  // namespace lldm::testing
