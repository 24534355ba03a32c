// SPDX-License-Identifier: MIT
#include "report/report_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

std::string deviation(const Spread& spread) {
  return " \u00b1 " + (spread.sd == 0 ? "0" : rounded_text(spread.sd, 2));
}

/// Of rows that differ in what measured them, one: the figures are of their training.
bool is_new(const ReportGroup& group, std::vector<std::string>& seen) {
  const std::string key = group.stage + group.rows.front()->at("axes").dump() + group.run;
  if (std::find(seen.begin(), seen.end(), key) != seen.end()) return false;
  seen.push_back(key);
  return true;
}

/// "0.812 ± 0.013" over seeds; "0.812 [0.780, 0.840]" with one.
std::string cell(const Spread& spread) {
  if (!spread.is_known) return "-";
  if (spread.seeds >= 2) return rounded_text(spread.mean, 3) + deviation(spread);
  if (!spread.has_interval || spread.low == spread.high) return rounded_text(spread.mean, 3);
  return interval_text(spread.mean, spread.low, spread.high, 3);
}

/// A difference: its spread over seeds and its interval.
std::string change_cell(const Spread& spread) {
  if (!spread.is_known) return "-";
  std::string text = rounded_text(spread.mean, 3);
  if (spread.seeds >= 2) text += deviation(spread);
  if (spread.has_interval)
    text += " [" + rounded_text(spread.low, 3) + ", " + rounded_text(spread.high, 3) + "]";
  return text;
}

/// A column that says which folders a row is of, where the report is over several.
void add_runs(Table& table, const std::vector<std::string>& runs) {
  if (std::all_of(runs.begin(), runs.end(), [](const std::string& run) { return run.empty(); }))
    return;
  table.columns.insert(table.columns.begin() + 1, {"run", Align::left});
  for (std::size_t r = 0; r < table.rows.size(); ++r)
    table.rows[r].insert(table.rows[r].begin() + 1, runs[r]);
}

std::string plain(const ReportGroup& group, const std::string& metric, int digits = 3) {
  const Spread spread = spread_of(group, metric);
  return spread.is_known ? rounded_text(spread.mean, digits) : "-";
}

/// A whole number; its mean where seeds differ.
std::string count_of(const ReportGroup& group, const std::string& metric) {
  const Spread spread = spread_of(group, metric);
  if (!spread.is_known) return "-";
  return spread.mean == std::floor(spread.mean)
             ? std::to_string(static_cast<std::int64_t>(spread.mean))
             : rounded_text(spread.mean, 5);
}

bool any_has(const ReportGroups& groups, const std::string& metric) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const ReportGroup& g) { return !g.values(metric).empty(); });
}

std::string megabytes(const ReportGroup& group, const std::string& metric) {
  const Spread spread = spread_of(group, metric);
  return spread.is_known ? rounded_text(spread.mean / (1024.0 * 1024.0), 3) + " MiB" : "-";
}

ReportTable results_table(const ReportGroups& groups) {
  std::vector<std::pair<std::string, std::string>> columns;  // metric, header
  for (const auto& [metric, header] :
       std::vector<std::pair<std::string, std::string>>{{"accuracy", "accuracy"},
                                                        {"superfluous_steps", "superfluous lines"},
                                                        {"exact", "exact (right and concise)"},
                                                        {"strict_match", "strict"},
                                                        {"flexible_extract", "flexible"}})
    if (any_has(groups, metric)) columns.emplace_back(metric, header);
  ReportTable report{.title = "Results", .table = {}, .note = ""};
  report.table.columns = {{"model", Align::left}, {"role", Align::left}, {"seeds"}};
  for (const auto& [metric, header] : columns) report.table.columns.push_back({header});
  report.table.columns.push_back({"accuracy change"});
  report.table.columns.push_back({"items"});
  std::vector<std::string> runs;
  for (const ReportGroup& group : groups) {
    if (group.values("accuracy").empty()) continue;
    runs.push_back(group.run);
    std::vector<std::string> row = {group.label, group.role, std::to_string(group.rows.size())};
    for (const auto& [metric, header] : columns) row.push_back(cell(spread_of(group, metric)));
    row.push_back(group.starts_from.empty() ? "-"
                                            : change_cell(change_of(group, groups, "accuracy")));
    row.push_back(count_of(group, "items"));
    report.table.rows.push_back(std::move(row));
  }
  add_runs(report.table, runs);
  report.note =
      "Mean \u00b1 standard deviation over seeds; with one seed the 95 % interval of the items "
      "(bootstrap).\n"
      "accuracy change: against the model that the row starts from, same seed, same items; "
      "brackets: 95 %,\n"
      "paired bootstrap over items (of the seeds at hand).\n";
  return report;
}

ReportTable estimator_table(const ReportGroups& groups) {
  ReportTable report{.title = "Score estimators: noise", .table = {}, .note = ""};
  report.table.columns = {{"model", Align::left},      {"estimator", Align::left},
                          {"forward passes per text"}, {"evaluated"},
                          {"score sd [nats]"},         {"margin sd [nats]"},
                          {"corr. policy, ref."},      {"held-out reward acc."}};
  std::vector<std::string> runs, seen;
  for (const ReportGroup& group : groups) {
    if (group.role != "preference" || group.values("score_sd").empty()) continue;
    if (!is_new(group, seen)) continue;
    runs.push_back(group.run);
    report.table.rows.push_back(
        {group.label, group.estimator, count_of(group, "forward_passes_per_text"),
         plain(group, "evaluated_passes_per_text"), plain(group, "score_sd"),
         plain(group, "margin_sd"), plain(group, "policy_reference_correlation"),
         cell(spread_of(group, "reward_accuracy"))});
  }
  add_runs(report.table, runs);
  report.note =
      "evaluated: passes that were left after dropping states without a query.\n"
      "score sd: over fresh draws of the same answer after training (root mean square over "
      "answers).\n"
      "held-out reward acc.: share of held-out pairs whose chosen answer gained more, own "
      "estimator.\n";
  return report;
}

/// What a study measured: one line an estimator and budget.
ReportTable study_table(const ReportGroups& groups) {
  ReportTable report{
      .title = "Score estimators: bias and variance at fixed weights", .table = {}, .note = ""};
  report.table.columns = {{"estimator", Align::left},
                          {"forward passes per text"},
                          {"bias [nats]"},
                          {"against the ELBO [nats]"},
                          {"Var score [nats\u00b2]"},
                          {"Var margin [nats\u00b2]"},
                          {"Var loss"},
                          {"loss bias"},
                          {"Var gradient"},
                          {"corr. policy, ref."}};
  std::vector<std::string> runs;
  for (const ReportGroup& group : groups) {
    if (group.values("gradient_variance").empty()) continue;
    runs.push_back(group.run);
    std::string label = group.label;
    if (label.starts_with(group.stage + ", ")) label.erase(0, group.stage.size() + 2);
    const auto budget = label.find(", budget=");
    if (budget != std::string::npos) label.erase(budget);
    std::vector<std::string> row = {
        label, rounded_text(group.rows.front()->at("axes").value("budget", 0.0), 3)};
    for (const char* metric : {"bias", "elbo_bias"}) {
      const std::vector<double> errors = group.values(metric + std::string("_standard_error"));
      row.push_back(plain(group, metric));
      if (row.back() != "-" && !errors.empty() && errors.front() > 0)
        row.back() += " \u00b1 " + rounded_text(errors.front(), 2);
    }
    for (const char* metric : {"score_variance", "margin_variance", "loss_variance", "loss_bias",
                               "gradient_variance", "policy_reference_correlation"})
      row.push_back(plain(group, metric));
    report.table.rows.push_back(std::move(row));
  }
  add_runs(report.table, runs);
  report.note =
      "bias: mean over the draws less the estimator's own target (\"-\": not known here), \u00b1 "
      "one "
      "standard error.\n"
      "loss bias: mean loss less the loss at the true ELBOs: what Jensen's inequality and the bias "
      "of the score add.\n"
      "Variances over independent draws, of one answer, one pair, one pair's loss, and of one "
      "step's gradient (sum over its entries).\n";
  for (const ReportGroup& group : groups)
    if (const auto draws = group.rows.front()->value("truth_draws", std::int64_t{0}); draws > 0) {
      report.note += message("The truth was sampled, with ", draws,
                             " draws of every answer: its noise is part of the biases' errors.\n");
      break;
    }
  return report;
}

ReportTable pairs_table(const ReportGroups& groups) {
  ReportTable report{.title = "Pairs by absolute score", .table = {}, .note = ""};
  report.table.columns = {{"model", Align::left},
                          {"preference accuracy"},
                          {"change"},
                          {"per token"},
                          {"change, per token"},
                          {"shorter wins"},
                          {"unigram"},
                          {"nats per character"},
                          {"pairs"}};
  std::vector<std::string> runs;
  for (const ReportGroup& group : groups) {
    if (group.values("preference_accuracy").empty()) continue;
    runs.push_back(group.run);
    const auto change = [&](const char* metric) {
      return group.starts_from.empty() ? std::string("-")
                                       : change_cell(change_of(group, groups, metric));
    };
    report.table.rows.push_back({group.label, cell(spread_of(group, "preference_accuracy")),
                                 change("preference_accuracy"),
                                 cell(spread_of(group, "preference_accuracy_per_token")),
                                 change("preference_accuracy_per_token"),
                                 plain(group, "shorter_wins"), plain(group, "unigram_wins"),
                                 plain(group, "nats_per_character", 4), count_of(group, "items")});
  }
  add_runs(report.table, runs);
  report.note =
      "Share of pairs whose chosen answer has the higher absolute score, fixed draws, ties one "
      "half.  Whether\n"
      "they are held out is the file's affair.  With error-injected pairs this measures the "
      "detection\n"
      "of injected errors, not reasoning.\n"
      "change: against the model that the row starts from, same pairs; 95 % paired bootstrap.\n"
      "nats per character: the likelihood bound of the chosen answers, their end-of-text and "
      "padding "
      "tokens included, over their characters.\n";
  return report;
}

}  // namespace

std::vector<ReportTable> report_tables(const ReportGroups& groups) {
  std::vector<ReportTable> tables;
  for (ReportTable table :
       {results_table(groups), estimator_table(groups), study_table(groups), pairs_table(groups)})
    if (!table.table.rows.empty()) tables.push_back(std::move(table));
  return tables;
}

ReportTable costs_table(const ReportGroups& groups) {
  ReportTable report{.title = "Cost on this machine", .table = {}, .note = ""};
  report.table.columns = {
      {"model", Align::left}, {"estimator", Align::left}, {"s per step"}, {"training seconds"}};
  const bool has_study = any_has(groups, "seconds");
  if (has_study) report.table.columns.push_back({"s per repeat of a study"});
  report.table.columns.push_back({"peak memory"});
  report.table.columns.push_back({"predicted peak"});
  std::vector<std::string> runs, seen;
  for (const ReportGroup& group : groups) {
    if (group.values("training_seconds").empty() && group.values("seconds").empty()) continue;
    if (!is_new(group, seen)) continue;
    runs.push_back(group.run);
    std::vector<std::string> row = {group.label, group.estimator, plain(group, "seconds_per_step"),
                                    plain(group, "training_seconds")};
    if (has_study) row.push_back(plain(group, "seconds"));
    row.push_back(megabytes(group, "peak_bytes"));
    row.push_back(megabytes(group, "predicted_peak_bytes"));
    report.table.rows.push_back(std::move(row));
  }
  add_runs(report.table, runs);
  report.note =
      "Means over seeds, as measured while the run was made: other work on the machine, a restart "
      "and the number\n"
      "of workers change them.  Peak memory is of the whole stage, weights, reference and "
      "optimizer included.\n";
  return report;
}

}  // namespace lldm
