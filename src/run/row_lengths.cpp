// SPDX-License-Identifier: MIT
#include "run/row_lengths.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "run/writing.hpp"
#include "stage/data_source.hpp"

namespace lldm {
namespace {

std::int64_t longest_of(const PlannedRun& run, const Work& work, const StageRows& rows,
                        const Writing& writing) {
  if (rows.data.is_corpus())
    return rows.data.options.length > 0 ? rows.data.options.length : writing.max_length;
  std::int64_t longest = 0;
  const EncodedRows read =
      read_encoded(run, null_logger(), work, rows, group_size_of(run, work), writing);
  for (const TrainingRow& row : read.rows)
    for (const Text& text : row.answers) longest = std::max(longest, text.length());
  return longest;
}

}  // namespace

void find_row_lengths(RunSchedule& schedule, const Registry& registry) {
  std::vector<std::map<std::string, std::int64_t>> lengths(schedule.experiments.size());
  const PlannedRun run{schedule, registry};
  Writings writings(run);
  for (const Work& work : schedule.work) {
    const Stage& stage = schedule.stage_of(work);
    if (!stage.facts.training) continue;
    try {
      if (!writings.is_known(work)) continue;
      std::int64_t longest = 0;
      for (const StageRows& rows : stage.facts.rows)
        longest = std::max(longest, longest_of(run, work, rows, writings.of(work)));
      if (longest > 0) lengths[work.experiment][stage.name] = longest;
    } catch (const Error&) {  // told where a run looks at its rows
    }
  }
  for (std::size_t e = 0; e < lengths.size(); ++e)
    schedule.experiments[e].row_lengths = std::move(lengths[e]);
}

}  // namespace lldm
