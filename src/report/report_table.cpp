// SPDX-License-Identifier: MIT
#include "report/report_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lldm/errors.hpp"
#include "report/columns.hpp"

namespace lldm {
namespace {

/// Of rows that differ in what measured them, one: the figures are of their training.
bool is_new(const ReportGroup& group, std::vector<std::string>& seen) {
  const std::string key = group.stage + group.axes.dump() + group.run;
  if (std::find(seen.begin(), seen.end(), key) != seen.end()) return false;
  seen.push_back(key);
  return true;
}

/// A column that says which folders a row is of, where the report is over several.
void add_runs(Table& table, const std::vector<std::string>& runs) {
  if (std::all_of(runs.begin(), runs.end(), [](const std::string& run) { return run.empty(); }))
    return;
  table.columns.insert(table.columns.begin() + 1, {"run", Align::left});
  table.keys = 2;
  for (std::size_t r = 0; r < table.rows.size(); ++r)
    table.rows[r].insert(table.rows[r].begin() + 1, runs[r]);
}

std::string plain(const ReportGroup& group, const std::string& metric, int digits = 3) {
  const Spread spread = spread_of(group, metric);
  return spread.is_known ? figure_text(spread.mean, digits) : "-";
}

/// Why a line has no figure, a figure that is none, or another interval than its column's.
void add_reason(ReportTable& report, const ReportGroup& group, const std::string& column,
                const Spread& spread) {
  if (spread.why.empty()) return;
  std::string seen = spread.is_known ? figure_text(spread.mean) : "no figure";
  if (spread.is_known && std::isfinite(spread.mean))
    seen = spread.has_interval ? message("its interval is ", to_string(spread.kind), "'s")
                               : "no interval";
  report.note += message(group.name, ", ", column, ": ", seen, "; ", spread.why, ".\n");
}

/// A cell of a figure; says below the table what is odd about it.
std::string figure(ReportTable& report, const ReportGroup& group, const std::string& metric,
                   const std::string& column) {
  const Spread spread = spread_of(group, metric);
  add_reason(report, group, column, spread);
  return spread_text(spread);
}

/// The same of a plain number.
std::string number(ReportTable& report, const ReportGroup& group, const std::string& metric,
                   const std::string& column, int digits = 3) {
  add_reason(report, group, column, spread_of(group, metric));
  return plain(group, metric, digits);
}

/// The two cells of a change: the difference and its exact test.
void add_change(ReportTable& report, std::vector<std::string>& row, const ReportGroup& group,
                const ReportGroups& groups, const std::string& metric, const std::string& column) {
  if (group.starts_from.empty()) {
    row.insert(row.end(), {"-", "-"});
    return;
  }
  const Spread change = change_of(group, groups, metric);
  // What others are tuned from may well come from nothing that was measured.
  if (change.is_known || group.role == "preference" || group.role == "control")
    add_reason(report, group, column, change);
  row.push_back(change_text(change));
  row.push_back(test_text(change));
}

void set_columns(ReportTable& report, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    report.table.columns.push_back(column_of(report.title, name));
}

/// A whole number; its mean where seeds differ.
std::string count_of(const ReportGroup& group, const std::string& metric) {
  const Spread spread = spread_of(group, metric);
  if (!spread.is_known) return "-";
  if (!std::isfinite(spread.mean)) return figure_text(spread.mean);
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

ReportTable results_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"accuracy"});
  std::vector<std::pair<std::string, std::string>> columns;  // metric, header
  for (const auto& [metric, header] :
       std::vector<std::pair<std::string, std::string>>{{"accuracy", "accuracy"},
                                                        {"superfluous_steps", "superfluous lines"},
                                                        {"exact", "exact (right and concise)"},
                                                        {"strict_match", "strict"},
                                                        {"flexible_extract", "flexible"}})
    if (any_has(groups, metric)) columns.emplace_back(metric, header);
  ReportTable report{.title = kResultsTitle, .table = {}, .note = ""};
  set_columns(report, {"model", "role", "seeds"});
  for (const auto& [metric, header] : columns) set_columns(report, {header});
  set_columns(report, {"accuracy change", "exact McNemar", "items"});
  report.note =
      "Mean \u00b1 standard deviation over seeds; with one seed the 95 % interval of the items: "
      "Wilson's of a share, the bootstrap's of a mean.\n"
      "accuracy change: against the model that the row starts from, same seed, same items; its "
      "brackets say which 95 % interval they are.\n"
      "exact McNemar: two-sided p that nothing changed, by the items that became right and "
      "wrong.\n";
  std::vector<std::string> runs;
  for (const ReportGroup& group : groups) {
    runs.push_back(group.run);
    std::vector<std::string> row = {group.label, group.role, std::to_string(group.rows.size())};
    for (const auto& [metric, header] : columns)
      row.push_back(figure(report, group, metric, header));
    add_change(report, row, group, groups, "accuracy", "accuracy change");
    row.push_back(count_of(group, "items"));
    report.table.rows.push_back(std::move(row));
  }
  add_runs(report.table, runs);
  return report;
}

ReportTable estimator_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"score_sd"}, true);
  ReportTable report{.title = kEstimatorsTitle, .table = {}, .note = ""};
  set_columns(report, {"model", "estimator", "nominal passes per text", "evaluated passes per text",
                       "evaluated passes in training", "score sd [nats]", "margin sd [nats]",
                       "corr. policy, ref.", "held-out reward acc."});
  report.note =
      "nominal: as the budget counts them; evaluated: what was left after dropping states without "
      "a query.\n"
      "score sd: over fresh draws of the same answer after training (root mean square over "
      "answers).\n"
      "held-out reward acc.: share of held-out pairs whose chosen answer gained more, own "
      "estimator; with one seed the 95 % Wilson interval of the pairs.\n";
  std::vector<std::string> runs, seen;
  for (const ReportGroup& group : groups) {
    if (group.role != "preference") continue;
    if (!is_new(group, seen)) continue;
    runs.push_back(group.run);
    report.table.rows.push_back(
        {group.label, group.estimator, count_of(group, "forward_passes_per_text"),
         plain(group, "evaluated_passes_per_text"), count_of(group, "evaluated_forward_passes"),
         number(report, group, "score_sd", "score sd"),
         number(report, group, "margin_sd", "margin sd"),
         plain(group, "policy_reference_correlation"),
         figure(report, group, "reward_accuracy", "held-out reward acc.")});
  }
  add_runs(report.table, runs);
  return report;
}

constexpr const char* kStudyNote =
    "bias: mean over the draws less the estimator's own target (\"-\": not known here), \u00b1 one "
    "standard error.\n"
    "loss bias: mean loss less the loss at the true ELBOs: what Jensen's inequality and the bias "
    "of the score add.\n"
    "Variances over independent draws, of one answer, one pair, one pair's loss, and of one "
    "step's gradient (sum over its entries).\n";

/// What a study measured: one line an estimator and budget.
ReportTable study_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"gradient_variance"});
  ReportTable report{.title = kStudyTitle, .table = {}, .note = kStudyNote};
  set_columns(report,
              {"estimator", "nominal passes per text", "evaluated passes per text", "bias [nats]",
               "against the ELBO [nats]", "Var score [nats\u00b2]", "Var margin [nats\u00b2]",
               "Var loss", "loss bias", "Var gradient", "corr. policy, ref."});
  std::vector<std::string> runs;
  for (const ReportGroup& group : groups) {
    runs.push_back(group.run);
    std::string label = group.label;
    if (label.starts_with(group.stage + ", ")) label.erase(0, group.stage.size() + 2);
    const auto budget = label.find(", budget=");
    if (budget != std::string::npos) label.erase(budget);
    std::vector<std::string> row = {label, rounded_text(group.axes.value("budget", 0.0), 3),
                                    plain(group, "evaluated_passes_per_text")};
    for (const char* metric : {"bias", "elbo_bias"}) {
      const Figure* first = group.rows.front()->find(metric);
      row.push_back(number(report, group, metric, metric));
      if (first && first->standard_error > 0)
        row.back() += " \u00b1 " + rounded_text(*first->standard_error, 2);
    }
    for (const char* metric : {"score_variance", "margin_variance", "loss_variance", "loss_bias",
                               "gradient_variance", "policy_reference_correlation"})
      row.push_back(number(report, group, metric, metric));
    report.table.rows.push_back(std::move(row));
  }
  add_runs(report.table, runs);
  for (const ReportGroup& group : groups)
    if (const std::int64_t draws = group.rows.front()->truth_draws; draws > 0) {
      report.note += message("The truth was sampled, with ", draws,
                             " draws of every answer: its noise is part of the biases' errors.\n");
      break;
    }
  return report;
}

constexpr const char* kPairsNote =
    "Share of pairs whose chosen answer has the higher absolute score, fixed draws, ties one half; "
    "with one seed the 95 % Wilson interval.\n"
    "Whether they are held out is the file's affair.  With error-injected pairs this measures the "
    "detection of injected errors, not reasoning.\n"
    "change: against the model that the row starts from, same pairs; its brackets say which 95 % "
    "interval they are.  exact McNemar: two-sided p that nothing changed.\n"
    "nats per character: the likelihood bound of the chosen answers, their end-of-text and padding "
    "tokens included, over their characters.\n";

ReportTable pairs_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"preference_accuracy"});
  ReportTable report{.title = kPairsTitle, .table = {}, .note = kPairsNote};
  set_columns(report, {"model", "preference accuracy", "change", "exact McNemar", "per token",
                       "change, per token", "exact McNemar, per token", "shorter wins", "unigram",
                       "nats per character", "pairs"});
  std::vector<std::string> runs;
  for (const ReportGroup& group : groups) {
    runs.push_back(group.run);
    std::vector<std::string> row = {
        group.label, figure(report, group, "preference_accuracy", "preference accuracy")};
    add_change(report, row, group, groups, "preference_accuracy", "change");
    row.push_back(figure(report, group, "preference_accuracy_per_token", "per token"));
    add_change(report, row, group, groups, "preference_accuracy_per_token", "change, per token");
    for (const auto& [metric, column] :
         {std::pair("shorter_wins", "shorter wins"), std::pair("unigram_wins", "unigram")})
      row.push_back(figure(report, group, metric, column));
    row.push_back(number(report, group, "nats_per_character", "nats per character", 4));
    row.push_back(count_of(group, "items"));
    report.table.rows.push_back(std::move(row));
  }
  add_runs(report.table, runs);
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

ReportTable costs_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"training_seconds", "seconds"}, true);
  ReportTable report{.title = kCostsTitle, .table = {}, .note = ""};
  set_columns(report, {"model", "estimator", "s per step", "training seconds"});
  const bool has_study = any_has(groups, "seconds");
  if (has_study) set_columns(report, {"s per repeat of a study"});
  set_columns(report, {"peak memory", "predicted peak"});
  std::vector<std::string> runs, seen;
  for (const ReportGroup& group : groups) {
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
