// SPDX-License-Identifier: MIT
// What training says of itself: its losses, how noisy the estimators are, what it cost.
#include <algorithm>
#include <set>

#include "lldm/errors.hpp"
#include "report/columns.hpp"
#include "report/lines_table.hpp"

namespace lldm {
namespace {

/// Whether the group has a model, or a study's line, that is not in `seen`, which it joins.
bool is_new(const ReportGroup& group, std::set<std::string>& seen) {
  bool has_new = false;
  for (const ReportRow* row : group.rows)
    has_new = seen.insert(!row->model_hash.empty() ? row->model_hash
                                                   : group.stage + group.axes.dump() + group.run +
                                                         message(row->settings, " ", row->seed))
                  .second ||
              has_new;
  return has_new;
}

/// Every model that has one of the metrics once, however often it was measured: as its training
/// stage reports it, or, of reports that hold no such entries, the first that measured it.
ReportGroups once_each(const ReportGroups& measured, const ReportGroups& trained,
                       const std::vector<std::string>& metrics) {
  ReportGroups groups;
  std::set<std::string> seen;
  for (const ReportGroups* list : {&trained, &measured})
    for (const ReportGroup& group : lines_with(*list, metrics, true))
      if (is_new(group, seen)) groups.push_back(group);
  return groups;
}

constexpr const char* kEstimatorsNote =
    "nominal: as the budget counts them; evaluated: what was left after dropping states without a "
    "query.\n"
    "score sd: over fresh draws of the same answer after training (root mean square over "
    "answers).\n"
    "held-out reward acc.: share of held-out pairs whose chosen answer gained more, own estimator, "
    "mean over fresh draws of every pair; with one seed the 95 % Wilson interval of the pairs.\n";

constexpr const char* kTrainingNote =
    "training loss: of the last steps that were logged.  held-out loss: of the stage's own "
    "validation rows after its last step, and the least of all times it was measured.\n"
    "Means over seeds, without an interval: losses of unlike objectives, estimators and rows do "
    "not compare.\n";

constexpr const char* kStudyNote =
    "bias: mean over the draws less the estimator's own target (\"-\": not known here), \u00b1 one "
    "standard error.\n"
    "loss bias: mean loss less the loss at the true ELBOs: what Jensen's inequality and the bias "
    "of the score add.\n"
    "Variances over independent draws, of one answer, one pair, one pair's loss, and of one "
    "step's gradient (sum over its entries).\n";

constexpr const char* kCostsNote =
    "Means over seeds, as measured while the run was made: other work on the machine, a restart "
    "and the number\n"
    "of workers change them.  Peak memory is of the whole stage, weights, reference and "
    "optimizer included.\n";

/// What tells a study's line from the others, without its budget.
std::string study_label(const ReportGroup& group) {
  std::string label = group.label;
  if (label.starts_with(group.stage + ", ")) label.erase(0, group.stage.size() + 2);
  label.resize(std::min(label.size(), label.find(", budget=")));
  return group.seeds.empty() || label.ends_with(group.seeds) ? label : label + ", " + group.seeds;
}

}  // namespace

ReportGroups with_unmeasured(const ReportGroups& measured, const ReportGroups& trained) {
  ReportGroups groups = measured;
  std::set<std::string> seen;
  for (const ReportGroup& group : measured) static_cast<void>(is_new(group, seen));
  for (const ReportGroup& group : trained)
    if (is_new(group, seen)) groups.push_back(group);
  return groups;
}

ReportTable training_table(const ReportGroups& measured, const ReportGroups& trained) {
  const ReportGroups groups = once_each(measured, trained, {"training_loss", "held_out_loss"});
  const bool has_held_out = any_has(groups, "held_out_loss");
  std::vector<std::string> columns = {"model", "seeds", "steps", "rows", "training loss"};
  if (has_held_out)
    columns.insert(columns.end(), {"held-out loss", "least held-out loss", "at step"});
  LinesTable table(kTrainingTitle, columns, kTrainingNote);
  for (const ReportGroup& group : groups) {
    table.line(group, group.label).text(std::to_string(group.rows.size()));
    table.count("steps").count("rows").number("training_loss", 4);
    if (has_held_out)
      table.number("held_out_loss", 4).number("least_held_out_loss", 4).count("best_step");
  }
  return table.finish();
}

ReportTable estimator_table(const ReportGroups& measured, const ReportGroups& trained) {
  LinesTable table(kEstimatorsTitle,
                   {"model", "estimator", "nominal passes per text", "evaluated passes per text",
                    "evaluated passes in training", "score sd [nats]", "margin sd [nats]",
                    "corr. policy, ref.", "held-out reward acc."},
                   kEstimatorsNote);
  const ReportGroups groups = once_each(measured, trained, {"score_sd"});
  for (const ReportGroup& group : groups)
    if (group.role == "preference")
      table.line(group, group.label)
          .text(group.estimator)
          .count("forward_passes_per_text")
          .number("evaluated_passes_per_text")
          .count("evaluated_forward_passes")
          .number("score_sd")
          .number("margin_sd")
          .number("policy_reference_correlation")
          .figure("held_out_reward_accuracy");
  return table.finish();
}

ReportTable study_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"gradient_variance"});
  std::string note = kStudyNote;
  const auto sampled = std::find_if(groups.begin(), groups.end(), [](const ReportGroup& group) {
    return group.rows.front()->truth_draws > 0;
  });
  if (sampled != groups.end())
    note += message("The truth was sampled, with ", sampled->rows.front()->truth_draws,
                    " draws of every answer: its noise is part of the biases' errors.\n");
  LinesTable table(
      kStudyTitle,
      {"estimator", "nominal passes per text", "evaluated passes per text", "bias [nats]",
       "against the ELBO [nats]", "Var score [nats\u00b2]", "Var margin [nats\u00b2]", "Var loss",
       "loss bias", "Var gradient", "corr. policy, ref."},
      note);
  for (const ReportGroup& group : groups) {
    table.line(group, study_label(group)).text(rounded_text(group.axes.value("budget", 0.0), 3));
    table.number("evaluated_passes_per_text");
    table.number_with_error("bias").number_with_error("elbo_bias");
    for (const char* metric : {"score_variance", "margin_variance", "loss_variance", "loss_bias",
                               "gradient_variance", "policy_reference_correlation"})
      table.number(metric);
  }
  return table.finish();
}

ReportTable costs_table(const ReportGroups& measured, const ReportGroups& trained) {
  const ReportGroups groups = once_each(measured, trained, {"training_seconds", "seconds"});
  std::vector<std::string> columns = {"model", "estimator", "s per step", "training seconds"};
  const bool has_study = any_has(groups, "seconds");
  if (has_study) columns.emplace_back("s per repeat of a study");
  columns.insert(columns.end(), {"peak memory", "predicted peak"});
  LinesTable table(kCostsTitle, columns, kCostsNote);
  for (const ReportGroup& group : groups) {
    table.line(group, group.label).text(group.estimator);
    table.number("seconds_per_step").number("training_seconds");
    if (has_study) table.number("seconds");
    table.mebibytes("peak_bytes").mebibytes("predicted_peak_bytes");
  }
  return table.finish();
}

}  // namespace lldm
