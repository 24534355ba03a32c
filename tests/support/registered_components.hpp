// SPDX-License-Identifier: MIT
// Every registered estimator and objective, made from TOML as a run would.  A component that has no
// line here is an error: whoever registers one says with which options the suites meet it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lldm/builtin/builtin.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "support/config_text.hpp"
#include "support/services.hpp"

namespace lldm::testing {

/// A component under "name { options }".
template <class Any>
struct Registered {
  std::string type;
  std::string name;
  Any component;
};

/// Tables of options for one component, keys separated by line breaks; the first stands alone where
/// a suite takes one table per component.
using OptionTables = std::map<std::string, std::vector<std::string>>;

inline const OptionTables& estimator_options() {
  static const OptionTables tables{
      {"full_trajectory",
       {"steps = 3",
        "steps = 4\nreveal = \"expected\"\ninclude_reveal_terms = true\nreplicates = 2",
        "steps = 3\ngrid = \"uniform_alpha\"", "steps = 3\npath = \"denoised\""}},
      {"monte_carlo_elbo",
       {"draws = 3", "draws = 4\npairing = \"antithetic\"", "draws = 3\npairing = \"stratified\"",
        "draws = 3\npairing = \"systematic\"", "draws = 4\npairing = \"llada_rounding\"",
        "draws = 4\nmasks_per_time = 2\nreplicates = 2",
        "draws = 3\ncount = \"bernoulli\"\ntime_min = 0.1",
        "draws = 3\ncount = \"bernoulli\"\nshare_times = true\ntime_min = 0.1"}},
      {"segmented",
       {"steps = 6\nsegments = 3\nsteps_per_segment = 1",
        "steps = 5\nsegments = 2\nsteps_per_segment = 2\nreveal = \"expected\""}},
      {"one_step", {"", "prompt_mask_probability = 0.5\nreplicates = 2"}},
      {"complementary_pair", {"pairs = 2", "pairs = 1\nweights = \"coupled_grpo\""}},
      {"quadrature",
       {"nodes = 3", "nodes = 1", "nodes = 3\nrule = \"simpson\"",
        "nodes = 2\nmask = \"rounded_count\"\nreplicates = 2"}},
      {"block_aligned", {"block_length = 2\ndraws = 2"}},
      {"any_order", {"replicates = 2"}},
      {"left_to_right", {""}},
      {"exact",
       {"", "target = \"trajectory_elbo\"\nsteps = 3",
        "target = \"elbo_truncated\"\ntime_min = 0.1"}},
      {"eubo", {"draws = 4", "draws = 3\nmasks = \"iid\"\nsharpness = 1.5"}},
      {"recorded_trajectory", {"shrink = 1", "shrink = 2"}},
      {"adaptive",
       {"score_estimator = { type = \"monte_carlo_elbo\", draws = 2 }\nmin = 2\nmax = 3",
        "score_estimator = { type = \"full_trajectory\", steps = 3 }\nmin = 2\nmax = 2"}}};
  return tables;
}

inline const OptionTables& objective_options() {
  static const OptionTables tables{
      {"pretraining", {"", "llada_parity = true"}},
      {"sft", {"", "llada_parity = true"}},
      {"dpo",
       {"beta = 0.3", "beta = 0.5\nnormalize = \"response_length\"",
        "beta = 0.3\nf_divergence = { type = \"js_divergence\" }"}},
      {"ipo", {"beta = 0.2", "beta = 0.2\nnormalize = \"response_length\""}},
      {"hinge", {"beta = 0.1"}},
      {"robust", {"beta = 0.3\nlabel_smoothing = 0.2"}},
      {"exo_pair", {"beta = 0.3\nlabel_smoothing = 0.1"}},
      {"nca_pair", {"beta = 0.3"}},
      {"bco_pair", {"beta = 0.3", "beta = 0.3\nbaseline = \"step_mean\""}},
      {"sppo_hard", {"beta = 0.3"}},
      {"apo_zero", {"beta = 0.3"}},
      {"apo_down", {"beta = 0.3"}},
      {"discopop", {"beta = 0.3"}},
      {"aot", {"beta = 0.3\nlabel_smoothing = 0.1"}},
      {"aot_unpaired", {"beta = 0.3\nlabel_smoothing = 0.1"}},
      {"kto",
       {"beta = 0.3\ndesirable_weight = 1.3", "beta = 0.3\nkl = \"none\"",
        "beta = 0.3\nloss = \"apo_zero_unpaired\""}},
      {"cpo",
       {"beta = 0.3\nsft_weight = 0.5", "beta = 0.3\nloss = \"hinge\"",
        "beta = 0.3\nloss = \"ipo\"\nnormalize = \"response_length\""}},
      {"simpo", {"beta = 2.0", "beta = 2.0\nalpha = 0.5\nsft_weight = 0.3"}},
      {"orpo", {"beta = 0.3"}},
      {"stepwise_dpo", {"beta = 0.3"}},
      {"d2_dpo", {"beta = 0.3"}},
      {"listwise", {"beta = 0.3\nanswers = 3", "beta = 0.3\nanswers = 2"}},
      {"weighted_sum",
       {"terms = [{ type = \"dpo\", beta = 0.2 }, { type = \"sft\", weight = 0.05 }]",
        "terms = [{ type = \"dpo\", beta = 0.2 }, { type = \"ipo\", beta = 0.1, weight = 0.5 }]",
        "terms = [{ type = \"sft\", weight = 0.7 }, { type = \"pretraining\", weight = 0.3 }]",
        "terms = [{ type = \"aot\", beta = 0.2 }, { type = \"sft\", weight = 0.05 }]",
        "terms = [{ type = \"stepwise_dpo\", beta = 0.2 }, { type = \"dpo\", weight = 0.5 }]",
        "terms = [{ type = \"kto\", beta = 0.2 }, { type = \"dpo\", weight = 0.5 }]"}}};
  return tables;
}

/// What is wrong between the registry and a table of options: names on one side only ("" if
/// nothing).
inline std::string unmatched(const Registry& registry, Role role, const OptionTables& tables) {
  std::string wrong;
  for (const auto& entry : registry.entries(role))
    if (!tables.contains(entry->name))
      wrong += message("\"", entry->name,
                       "\" is registered, but tests/support/registered_components.hpp gives it no "
                       "options\n");
  for (const auto& [name, unused] : tables)
    if (registry.find(role, name) == nullptr)
      wrong += message("\"", name, "\" has options here, but nobody registers it\n");
  return wrong;
}

/// All registered components of a role with each of their tables, or with the first one only.
template <class Any>
std::vector<Registered<Any>> registered(Role role, const OptionTables& tables,
                                        bool is_first_only = false) {
  Registry registry;
  register_builtin_components(registry);
  if (const std::string wrong = unmatched(registry, role, tables); !wrong.empty())
    throw Error(wrong);
  const TestServices services(registry);
  std::vector<Registered<Any>> all;
  for (const auto& entry : registry.entries(role))
    for (const std::string& options : tables.at(entry->name)) {
      const std::string text = message("type = \"", entry->name, "\"\n", options, "\n");
      config::Diagnostics diagnostics;
      const BoundComponent bound = registry.bind(role, tree(text), diagnostics);
      diagnostics.throw_if_any();
      std::string name = entry->name + " { " + options + " }";
      for (char& c : name)
        if (c == '\n') c = ',';
      all.push_back({entry->name, std::move(name), registry.make<Any>(bound, services.get())});
      if (is_first_only) break;
    }
  return all;
}

inline std::vector<Registered<AnyScoreEstimator>> registered_estimators(
    bool is_first_only = false) {
  return registered<AnyScoreEstimator>(Role::score_estimator, estimator_options(), is_first_only);
}
inline std::vector<Registered<AnyObjective>> registered_objectives(bool is_first_only = false) {
  return registered<AnyObjective>(Role::objective, objective_options(), is_first_only);
}

}  // namespace lldm::testing
