// SPDX-License-Identifier: MIT
#include "run/find_rows.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/training_options.hpp"
#include "run/writing.hpp"
#include "stage/known_rows.hpp"
#include "stage/training_rows.hpp"

namespace lldm {
namespace {

std::int64_t longest_of(const std::vector<TrainingRow>& rows) {
  std::int64_t longest = 0;
  for (const TrainingRow& row : rows)
    for (const Text& text : row.answers) longest = std::max(longest, text.length());
  return longest;
}

KnownRows rows_of(const PlannedRun& run, const Work& work, const Writing& writing) {
  const Stage& stage = run.schedule.stage_of(work);
  const DataRef& data = stage.facts.rows.front().data;
  KnownRows known{.vocabulary = writing.tokenizer->vocabulary_size(),
                  .draws = Draws(static_cast<std::uint64_t>(work.seed), work.stage)};
  if (data.is_corpus()) {
    known.longest = data.options.length > 0 ? data.options.length : writing.max_length;
    return known;
  }
  const auto* training = stage.as<TrainingStage>();  // a plugin's kind holds none out
  PreparedRows all =
      read_file_rows(run, null_logger(), work, training ? training->validation_rows : 0, writing,
                     group_size_of(run, work));
  known.rows = std::move(all.rows);
  known.validation = std::move(all.held.rows);
  known.longest = std::max(longest_of(known.rows), longest_of(known.validation));
  return known;
}

void find_rows(RunSchedule& schedule, const Registry& registry, bool is_first_alone) {
  const PlannedRun run{schedule, registry};
  Writings writings(run);
  for (const Work& work : schedule.work) {
    const Stage& stage = schedule.stage_of(work);
    if (!stage.facts.training || stage.facts.rows.empty()) continue;
    if (is_first_alone && work.experiment != 0) continue;
    std::int64_t vocabulary = 0;  // known although the rows are not
    try {
      if (!writings.is_known(work)) continue;
      const Writing& writing = writings.of(work);
      vocabulary = writing.tokenizer->vocabulary_size();
      KnownRows known = rows_of(run, work, writing);
      if (work.experiment != 0) known.rows.clear(), known.validation.clear();
      if (known.longest > 0)
        schedule.experiments[work.experiment].known_rows[stage.name] =
            std::make_shared<const KnownRows>(std::move(known));
    } catch (const Error& error) {  // of files; what an earlier stage makes may come
      const std::string text = error.what();
      if (!stage.facts.rows.front().data.options.file.empty())
        schedule.experiments[work.experiment].known_rows[stage.name] =
            std::make_shared<const KnownRows>(
                KnownRows{.problem = text.substr(0, text.find('\n')), .vocabulary = vocabulary});
    }
  }
}

}  // namespace

void find_rows(RunSchedule& schedule, const Registry& registry) {
  find_rows(schedule, registry, /*is_first_alone=*/false);
}
void find_rows_of_first(RunSchedule& schedule, const Registry& registry) {
  find_rows(schedule, registry, /*is_first_alone=*/true);
}

std::string first_of(std::size_t cells) {
  if (cells < 2) return "";
  return message(
      "planned is the first of ", cells,
      " cells: others may hold more; lldm grid plan says what the largest of them holds");
}

}  // namespace lldm
