// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value PreferenceKind::defaults() {
  Value table;
  table.set("forward_process", component_table("masked"));
  table.set("score_estimator", component_table("monte_carlo_elbo"));
  table.set("objective", component_table("dpo"));
  return table;
}

std::vector<std::string> PreferenceKind::file_defaults(const Value*) {
  return {"forward_process", "score_estimator", "objective", "optimizer"};
}

std::vector<UnreadKey> PreferenceKind::unread(const Value& own) {
  std::vector<UnreadKey> keys = TrainingKind::unread(own);
  keys.push_back({"random_length_share", kNeverCut});
  return keys;
}

StageFacts PreferenceKind::facts(const Options& options) {
  return facts_of(options, RowsWanted::pairs_or_ranked);
}

void PreferenceKind::check(const Options& options, StageFit& fit) {
  if (options.from.empty())
    fit.error(
        "from", "a preference stage needs a model to start from (and as frozen reference)",
        fit.experiment.options.model.path.empty()
            ? "from = \"<an earlier stage>\", or a model folder: from = \"./base\""
            : message("from = ",
                      config::in_quotes(
                          std::filesystem::absolute(fit.experiment.options.model.path).string()),
                      ": the folder of [model] path"));
  check_parts(options, fit, 2);
}

}  // namespace lldm
