// SPDX-License-Identifier: MIT
#include "report/lines.hpp"

#include <algorithm>

#include "experiment/axis_labels.hpp"
#include "lldm/errors.hpp"
#include "report/columns.hpp"
#include "track/not_finite.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// Of items, so that a change has an interval of its own.
constexpr const char* kChanging[] = {"accuracy",
                                     "superfluous_steps",
                                     "exact",
                                     "strict_match",
                                     "flexible_extract",
                                     "preference_accuracy",
                                     "preference_accuracy_per_token"};
constexpr const char* kFigures[] = {"shorter_wins",
                                    "unigram_wins",
                                    "nats_per_character",
                                    "items",
                                    "score_sd",
                                    "margin_sd",
                                    "policy_reference_correlation",
                                    "reward_accuracy",
                                    "held_out_reward_accuracy",
                                    "training_loss",
                                    "held_out_loss",
                                    "least_held_out_loss",
                                    "forward_passes_per_text",
                                    "evaluated_passes_per_text",
                                    "forward_passes",
                                    "evaluated_forward_passes",
                                    "bias",
                                    "elbo_bias",
                                    "score_variance",
                                    "margin_variance",
                                    "loss_variance",
                                    "loss_bias",
                                    "gradient_variance"};

Json to_json(const Spread& spread, bool is_of_change) {
  Json json = {{"mean", spread.mean}, {"seeds", spread.seeds}};
  if (spread.seeds >= 2) json["sd"] = spread.sd;
  if (spread.has_interval) {
    json["low"] = spread.low;
    json["high"] = spread.high;
  }
  json["interval"] = to_string(spread.kind);
  if (spread.test) {
    json["test"] = spread.test->name;
    json["p"] = spread.test->p;
    json["up"] = spread.test->up;
    json["down"] = spread.test->down;
    json["items"] = spread.test->compared;
  }
  if (is_of_change) json["is_change"] = spread.is_change();
  if (!spread.why.empty()) json["why"] = spread.why;
  name_not_finite(json);
  return json;
}

void add_figure(Json& figures, const ReportGroup& group, const std::string& metric) {
  if (const Spread spread = spread_of(group, metric); spread.is_known)
    figures[metric] = to_json(spread, false);
}

}  // namespace

Json report_lines(const ReportGroups& groups) {
  Json lines = Json::array();
  for (const ReportGroup& group : groups) {
    Json line = {{"label", group.label},         {"stage", group.stage},
                 {"role", group.role},           {"evaluated_by", group.rows.front()->evaluated_by},
                 {"estimator", group.estimator}, {"axes", group.axes},
                 {"seeds", Json::array()}};
    if (!group.run.empty()) line["run"] = group.run;
    for (const ReportRow* row : group.rows) line["seeds"].push_back(row->seed);
    line["figures"] = line["changes"] = Json::object();
    for (const char* metric : kChanging) {
      add_figure(line["figures"], group, metric);
      if (group.starts_from.empty() || group.values(metric).empty()) continue;
      const Spread change = change_of(group, groups, metric);
      line["changes"][metric] =
          change.is_known ? to_json(change, true) : Json{{"mean", nullptr}, {"why", change.why}};
    }
    for (const char* metric : kFigures) add_figure(line["figures"], group, metric);
    lines.push_back(std::move(line));
  }
  return lines;
}

ReportTable failed_table(const std::vector<ReportWork>& failed, const ReportGroups& groups) {
  ReportTable table{.title = kFailedTitle, .table = {}, .note = ""};
  const bool has_runs = std::any_of(failed.begin(), failed.end(),
                                    [](const ReportWork& work) { return !work.run.empty(); });
  for (const char* name : {"work", "run", "seed", "error"})
    if (name != std::string("run") || has_runs)
      table.table.columns.push_back(column_of(kFailedTitle, name));
  Json known = {{"rows", Json::array()}};
  for (const ReportWork& work : failed) known["rows"].push_back({{"axes", work.axes}});
  for (const ReportGroup& group : groups) known["rows"].push_back({{"axes", group.axes}});
  const AxisLabels labels(known);
  for (const ReportWork& work : failed) {
    std::vector<std::string> row = {work.stage + (work.model.empty() ? "" : " of " + work.model) +
                                    labels.of(work.axes)};
    if (has_runs) row.push_back(work.run);
    row.push_back(work.seed ? std::to_string(*work.seed) : "-");
    row.push_back(work.error);
    table.table.rows.push_back(std::move(row));
  }
  if (!failed.empty())
    table.note = "These have no figures, and what was to be measured of them has no row above.\n";
  return table;
}

}  // namespace lldm
