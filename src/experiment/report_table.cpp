// SPDX-License-Identifier: MIT
#include "experiment/report_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Spread& spread) {
  if (!spread.is_known) return "-";
  if (!spread.has_interval || spread.low == spread.high) return rounded_text(spread.mean, 3);
  return interval_text(spread.mean, spread.low, spread.high, 3);
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

bool any_has(const std::vector<ReportGroup>& groups, const std::string& metric) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const ReportGroup& g) { return !g.values(metric).empty(); });
}

std::string megabytes(const ReportGroup& group, const std::string& metric) {
  const Spread spread = spread_of(group, metric);
  return spread.is_known ? rounded_text(spread.mean / (1024.0 * 1024.0), 3) + " MiB" : "-";
}

ReportTable results_table(const std::vector<ReportGroup>& groups) {
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
  for (const ReportGroup& group : groups) {
    if (group.values("accuracy").empty()) continue;
    std::vector<std::string> row = {group.label, group.role, std::to_string(group.rows.size())};
    for (const auto& [metric, header] : columns) row.push_back(cell(spread_of(group, metric)));
    row.push_back(group.starts_from.empty() ? "-" : cell(change_of(group, groups, "accuracy")));
    row.push_back(count_of(group, "items"));
    report.table.rows.push_back(std::move(row));
  }
  report.note =
      "Means over seeds; brackets: 95 % interval, Student's t over seeds, cut to the metric's "
      "range\n"
      "(one seed: bootstrap over items).\n"
      "accuracy change: against the model that the row starts from, paired by seed (one seed: the "
      "items'\n"
      "intervals as if independent).\n";
  return report;
}

ReportTable estimator_table(const std::vector<ReportGroup>& groups) {
  ReportTable report{.title = "Score estimators: noise and cost", .table = {}, .note = ""};
  report.table.columns = {
      {"model", Align::left}, {"estimator", Align::left}, {"forward passes per text"},
      {"evaluated"},          {"score sd [nats]"},        {"margin sd [nats]"},
      {"corr. policy, ref."}, {"held-out reward acc."},   {"s per step"},
      {"peak memory"}};
  for (const ReportGroup& group : groups) {
    if (group.role != "preference" || group.values("score_sd").empty()) continue;
    report.table.rows.push_back(
        {group.label, group.estimator, count_of(group, "forward_passes_per_text"),
         plain(group, "evaluated_passes_per_text"), plain(group, "score_sd"),
         plain(group, "margin_sd"), plain(group, "policy_reference_correlation"),
         cell(spread_of(group, "reward_accuracy")), plain(group, "seconds_per_step"),
         megabytes(group, "peak_bytes")});
  }
  report.note =
      "evaluated: passes that were left after dropping states without a query.\n"
      "score sd: over fresh draws of the same answer after training (root mean square over "
      "answers).\n"
      "held-out reward acc.: share of held-out pairs whose chosen answer gained more, own "
      "estimator.\n"
      "Peak memory is of the whole stage, weights, reference and optimizer included.\n";
  return report;
}

ReportTable pairs_table(const std::vector<ReportGroup>& groups) {
  ReportTable report{.title = "Pairs by absolute score", .table = {}, .note = ""};
  report.table.columns = {{"model", Align::left},
                          {"preference accuracy"},
                          {"per token"},
                          {"shorter wins"},
                          {"unigram"},
                          {"nats per character"},
                          {"pairs"}};
  for (const ReportGroup& group : groups) {
    if (group.values("preference_accuracy").empty()) continue;
    report.table.rows.push_back({group.label, cell(spread_of(group, "preference_accuracy")),
                                 cell(spread_of(group, "preference_accuracy_per_token")),
                                 plain(group, "shorter_wins"), plain(group, "unigram_wins"),
                                 plain(group, "nats_per_character", 4), count_of(group, "items")});
  }
  report.note =
      "Share of pairs whose chosen answer has the higher absolute score, fixed draws, ties one "
      "half.  Whether\n"
      "they are held out is the file's affair.  With error-injected pairs this measures the "
      "detection\n"
      "of injected errors, not reasoning.\n"
      "nats per character: the likelihood bound of the chosen answers, their end-of-text and "
      "padding "
      "tokens included, over their characters.\n";
  return report;
}

}  // namespace

std::vector<ReportTable> report_tables(const Json& report) {
  const std::vector<ReportGroup> groups = group_rows(report);
  std::vector<ReportTable> tables;
  for (ReportTable table : {results_table(groups), estimator_table(groups), pairs_table(groups)})
    if (!table.table.rows.empty()) tables.push_back(std::move(table));
  return tables;
}

}  // namespace lldm
