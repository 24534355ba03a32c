// SPDX-License-Identifier: MIT
#include "report/report_table.hpp"

#include <algorithm>
#include <utility>

#include "report/columns.hpp"
#include "report/lines_table.hpp"

namespace lldm {
namespace {

constexpr const char* kResultsNote =
    "Mean \u00b1 standard deviation over seeds; with one seed the 95 % interval of the items: "
    "Wilson's of a share, the bootstrap's of a mean.\n"
    "accuracy change: against the model that the row starts from, same seed, same items; its "
    "brackets say which 95 % interval they are.\n"
    "exact McNemar: two-sided p that nothing changed, by the items that became right and "
    "wrong.\n";

/// Whether a row of the group has more than none of the metric.
bool has_any(const ReportGroup& group, const char* metric) {
  return std::ranges::any_of(group.values(metric), [](double value) { return value > 0; });
}

ReportTable results_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"accuracy"});
  std::vector<std::string> metrics, columns = {"model", "role", "seeds"};
  for (const auto& [metric, header] : {std::pair("accuracy", "accuracy"),
                                       {"superfluous_steps", "superfluous lines"},
                                       {"exact", "exact (right and concise)"},
                                       {"strict_match", "strict"},
                                       {"flexible_extract", "flexible"}})
    if (any_has(groups, metric)) {
      metrics.emplace_back(metric);
      columns.emplace_back(header);
    }
  for (const auto& [metric, header] : {std::pair("check_timeout", "checker timeout"),
                                       {"check_crash", "checker crash"},
                                       {"check_exit", "checker exit"},
                                       {"check_garbage", "checker garbage"}})
    if (std::ranges::any_of(groups, [&](const auto& group) { return has_any(group, metric); })) {
      metrics.emplace_back(metric);
      columns.emplace_back(header);
    }
  columns.insert(columns.end(), {"accuracy change", "exact McNemar", "items"});
  LinesTable table(kResultsTitle, columns, kResultsNote);
  for (const ReportGroup& group : groups) {
    table.line(group, group.label).text(group.role).text(std::to_string(group.rows.size()));
    for (const std::string& metric : metrics) table.figure(metric);
    table.change("accuracy", groups).count("items");
  }
  return table.finish();
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
constexpr const char* kRewardNote =
    "reward accuracy: share of pairs whose chosen answer gained more over the stage's reference "
    "than the rejected one, the same draws for every model and the reference, ties one half; with "
    "one seed the 95 % Wilson interval.\n";

ReportTable pairs_table(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"preference_accuracy"});
  const bool has_reward = any_has(groups, "reward_accuracy");
  std::vector<std::string> columns = {"model",
                                      "preference accuracy",
                                      "change",
                                      "exact McNemar",
                                      "per token",
                                      "change, per token",
                                      "exact McNemar, per token"};
  if (has_reward) columns.emplace_back("reward accuracy");
  columns.insert(columns.end(), {"shorter wins", "unigram", "nats per character", "pairs"});
  LinesTable table(kPairsTitle, columns,
                   has_reward ? std::string(kPairsNote) + kRewardNote : kPairsNote);
  for (const ReportGroup& group : groups) {
    table.line(group, group.label);
    for (const char* metric : {"preference_accuracy", "preference_accuracy_per_token"})
      table.figure(metric).change(metric, groups);
    if (has_reward) table.figure("reward_accuracy");
    table.figure("shorter_wins").figure("unigram_wins").number("nats_per_character", 4);
    table.count("items");
  }
  return table.finish();
}

}  // namespace

std::vector<ReportTable> report_tables(const ReportGroups& measured, const ReportGroups& trained) {
  std::vector<ReportTable> tables;
  for (ReportTable table :
       {results_table(measured), estimator_table(measured, trained), study_table(measured),
        pairs_table(measured), training_table(measured, trained)})
    if (!table.table.rows.empty()) tables.push_back(std::move(table));
  return tables;
}

}  // namespace lldm
