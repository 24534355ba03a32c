// SPDX-License-Identifier: MIT
#include "lldm/errors.hpp"
#include "lldm/train/trainer.hpp"

namespace lldm {

ObjectiveNeeds needs_of_rows(ObjectiveNeeds needs, const TrainingSetup& setup) {
  const auto refuse = [&](const std::vector<TrainingRow>& rows, std::uint64_t id,
                          const auto&... what) {
    ScoreLabels labels = setup.labels;
    if (&rows == &setup.validation && setup.validation_row) labels.row = setup.validation_row;
    throw DataError(message(labels.row_text(id), ' ', what...));
  };
  const auto& first = setup.rows.empty() ? setup.validation : setup.rows;
  const bool is_labelled = !first.empty() && first.front().wanted.has_value();
  if (is_labelled && !needs.unpaired)
    refuse(first, first.front().id, "holds one labelled answer, and ",
           setup.labels.objective.empty() ? std::string("the objective") : setup.labels.objective,
           " compares ", needs.group_size,
           " answers\n  kto trains on rows of prompt, completion and label");
  if (is_labelled) needs.group_size = 1;
  if (setup.source && (needs.group_size != 1 || needs.reference || needs.mismatched))
    throw ConfigError("rows of a corpus are texts by themselves: the objective compares answers");
  for (const auto* rows : {&setup.rows, &setup.validation})
    for (const TrainingRow& row : *rows) {
      if (row.wanted.has_value() != is_labelled)
        refuse(*rows, row.id,
               "is of another form than the others: labelled answers and pairs do not mix");
      if (static_cast<std::int64_t>(row.answers.size()) != needs.group_size)
        refuse(*rows, row.id, "holds ", row.answers.size(), " answers, the objective compares ",
               needs.group_size);
    }
  return needs;
}

}  // namespace lldm
