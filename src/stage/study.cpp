// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/config/options_check.hpp"

#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"

namespace lldm {

using config::Value;

void StudyStage::check(config::OptionsCheck& check) const {
  check_pairs(pairs, check);
  if (truth_draws % kTruthReplicates != 0)
    check.error("truth_draws", message("truth_draws = ", truth_draws),
                message("legal: 0, or a multiple of ", kTruthReplicates));
  if (score_estimators.empty())
    check.error("score_estimators", "no estimator to study",
                "score_estimators = [{ type = \"monte_carlo_elbo\", draws = 4 }, ...]");
  for (std::size_t a = 0; a < score_estimators.size(); ++a)
    for (std::size_t b = a + 1; b < score_estimators.size(); ++b)
      if (score_estimators[a] == score_estimators[b])
        check.error("score_estimators",
                    message("score_estimators holds entry ", a + 1, " again as entry ", b + 1),
                    "every estimator once: its row is found by its table");
}

config::Value StudyKind::defaults() {
  Value table;
  table.set("forward_process", component_table("masked"));
  table.set("objective", component_table("dpo"));
  return table;
}

std::vector<std::string> StudyKind::file_defaults(const Value*) {
  return {"forward_process", "objective"};
}

StageFacts StudyKind::facts(const Options& options) {
  StageFacts facts;
  facts.product = StageProduct::none;
  facts.adapter = AdapterUse::none;
  facts.from = options.from;
  for (const std::string& name : {options.from, options.reference})
    if (!name.empty()) facts.inputs.push_back(name);
  add_rows(facts, "pairs", options.pairs, RowsWanted::pairs, options.limit);
  facts.scoring = StageScoring{.process = options.forward_process,
                               .estimators = options.score_estimators,
                               .key = "score_estimators",
                               .enumerates = true,
                               .response_length = options.response_length,
                               .score_padding = options.score_padding};
  facts.gives_rows = true;
  return facts;
}

/// A study takes the loss of one pair as a function of its two scores and the reference's.
void StudyKind::check(const Options& options, StageFit& fit) {
  fit.require_model("reference", options.reference);
  for (const auto& estimator : options.score_estimators)
    fit.tries("score_estimators", [&] {
      static_cast<void>(fit.registry.make<AnyScoreEstimator>(estimator, fit.services));
    });
  fit.tries("objective", [&] {
    const ObjectiveNeeds needs =
        fit.registry.make<AnyObjective>(options.objective, fit.services).needs();
    if (needs.group_size == 2 && needs.reference && needs.use != ScoreUse::coupled &&
        needs.use != ScoreUse::parts)
      return;
    throw ConfigError(message("objective \"", options.objective.type(),
                              "\" is no function of one pair's scores and its reference\n",
                              "  use dpo, ipo, hinge or another loss over single pairs"));
  });
}

}  // namespace lldm
