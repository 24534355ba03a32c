// SPDX-License-Identifier: MIT
// What a trainer scores: the rows of a step, and a plan for each of their answers.
#include <set>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/track/phase_clock.hpp"
#include "lldm/train/trainer.hpp"
#include "train/mismatched.hpp"
#include "train/shared_length.hpp"
#include "train/step_rows.hpp"

namespace lldm {
namespace {

/// The prompt of a row with the first answer of another one.
Text mismatched_text(const TrainingRow* row, const std::vector<TrainingRow>& rows,
                     const ScoreLabels& labels) {
  const auto here = static_cast<std::size_t>(row - rows.data());
  if (const std::size_t there = mismatched_row(rows, here); there != here) {
    Text text = rows[there].answers.front();
    text.prompt = row->answers.front().prompt;
    return text;
  }
  throw DataError(message(labels.row_text(row->id),
                          ": the objective scores every prompt with the answer of "
                          "another one, and the ",
                          rows.size(),
                          " row(s) have one prompt\n  give rows of two prompts or more (also to "
                          "validation_rows), or kl = \"none\""));
}

}  // namespace

ScoreLabels TrainerCore::row_labels(bool are_held_out) const {
  ScoreLabels labels = setup_.labels;
  if (are_held_out && setup_.validation_row) labels.row = setup_.validation_row;
  return labels;
}

std::uint64_t TrainerCore::draws_epoch(std::uint64_t epoch) const {
  return setup_.draws_epochs > 0 ? epoch % static_cast<std::uint64_t>(setup_.draws_epochs) : epoch;
}

std::vector<RowUse> TrainerCore::row_uses() const {
  if (adaptation_)
    throw ConfigError(
        "an estimator of adaptive cost decides from step to step what it asks: its reference "
        "scores cannot be computed beforehand");
  const std::int64_t num_rows = setup_.num_rows();
  std::vector<RowUse> uses;
  std::set<std::pair<std::uint64_t, std::int64_t>> seen;
  RowOrder order = order_;
  for (std::int64_t step = 0; step < total_; ++step)
    for (const auto& entry : order.step(step, setup_.optimizer.row_limit(num_rows)))
      if (const std::uint64_t epoch = draws_epoch(entry.epoch);
          seen.emplace(epoch, entry.row).second)
        uses.push_back({Purpose::noise, epoch, static_cast<std::size_t>(entry.row)});
  for (std::size_t row = 0; row < setup_.validation.size(); ++row)
    uses.push_back({Purpose::evaluation, 0, row});
  return uses;
}

std::vector<ScorePlan> TrainerCore::reference_plans(const RowUse& use) const {
  const auto& rows = use.purpose == Purpose::evaluation ? setup_.validation : setup_.rows;
  ScoreBatch batch = plan_batch({&rows.at(use.row)}, {use.epoch}, use.purpose, 0);
  std::vector<ScorePlan> plans =
      std::move(batch.reference_plans.empty() ? batch.plans : batch.reference_plans);
  for (ScorePlan& plan : batch.mismatched_plans) plans.push_back(std::move(plan));
  return plans;
}

TrainerCore::StepRows TrainerCore::rows_of(std::int64_t step) {
  const PhaseScope phase(StepPhase::plans);
  const auto entries = order_.step(step, setup_.optimizer.row_limit(setup_.num_rows()));
  StepRows chosen;
  const auto add = [&](const TrainingRow& row, std::uint64_t epoch) {
    chosen.rows.push_back(&row);
    chosen.epochs.push_back(epoch);
    if (setup_.random_length_share <= 0) return;
    const auto key = needs_.random_length_by_batch ? static_cast<std::uint64_t>(step) : epoch;
    chosen.shortened.push_back({row.id, {cut(row.answers.front(), key, row.id)}});
    chosen.rows.back() = &chosen.shortened.back();
  };
  const std::size_t size = micro_batch(needs_, setup_, entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t epoch = draws_epoch(entries[i].epoch);
    if (!setup_.source) add(setup_.rows[static_cast<std::size_t>(entries[i].row)], epoch);
    if (setup_.source)
      for (TrainingRow& text : setup_.source->row(entries[i].row)) {
        chosen.made.push_back(std::move(text));
        add(chosen.made.back(), epoch);
      }
    if ((i + 1) % size == 0 || i + 1 == entries.size()) chosen.ends.push_back(chosen.rows.size());
  }
  return chosen;
}

Text TrainerCore::cut(const Text& text, std::uint64_t epoch, std::uint64_t row) const {
  if (setup_.random_length_share <= 0 || text.response.size() < 2) return text;
  Stream stream =
      setup_.draws.stream(Purpose::length, epoch, needs_.random_length_by_batch ? 0 : row);
  if (stream.uniform() >= setup_.random_length_share) return text;
  Text shorter = text;
  shorter.response.resize(
      static_cast<std::size_t>(1 + stream.below(static_cast<std::int64_t>(text.response.size()))));
  return shorter;
}

ScoreBatch TrainerCore::plan_batch(const std::vector<const TrainingRow*>& rows,
                                   const std::vector<std::uint64_t>& epochs, Purpose purpose,
                                   std::int64_t evaluations) const {
  const PhaseScope phase(StepPhase::plans);
  ScoreBatch batch;
  batch.group_size = needs_.group_size;
  // The ablation's reference draws live in a row space of their own.
  constexpr std::uint64_t kUnshared = 1ULL << 63;
  const ScoreLabels labels = row_labels(purpose == Purpose::evaluation);
  const auto plan_text = [&](const Text& text, std::uint64_t row, std::size_t answer,
                             const TextDraws& draws) {
    try {
      return plan_(text, draws, evaluations);
    } catch (const DataError& error) {  // an estimator knows the text, not whose it is
      throw DataError(message(labels.row_text(row), ", answer ", answer + 1, ": ", error.what()));
    }
  };
  const auto plan = [&](const TrainingRow& row, std::size_t answer, const TextDraws& draws) {
    return plan_text(row.answers[answer], row.id, answer, draws);
  };
  const auto& source = purpose == Purpose::evaluation ? setup_.validation : setup_.rows;
  const auto group_size = static_cast<std::size_t>(needs_.group_size);
  for (std::size_t r = 0; r < rows.size() && needs_.mismatched; ++r)
    batch.mismatched_plans.push_back(
        plan_text(mismatched_text(rows[r], source, labels), rows[r]->id, group_size,
                  TextDraws(setup_.draws, purpose, epochs[r], rows[r]->id, group_size)));
  for (const TrainingRow* row : rows)
    if (row->wanted) batch.wanted.push_back(*row->wanted ? 1.0 : 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t answer = 0; answer < rows[r]->answers.size(); ++answer) {
      const std::uint64_t id = rows[r]->id;
      batch.plans.push_back(
          plan(*rows[r], answer, TextDraws(setup_.draws, purpose, epochs[r], id, answer)));
      if (needs_.reference && !setup_.shared_draws)
        batch.reference_plans.push_back(plan(
            *rows[r], answer, TextDraws(setup_.draws, purpose, epochs[r], id | kUnshared, answer)));
    }
  if (needs_.beyond_shared_length != 1.0)
    for (auto* plans : {&batch.plans, &batch.reference_plans})
      weigh_beyond_shared_length(*plans, needs_.group_size, needs_.beyond_shared_length);
  return batch;
}

}  // namespace lldm
