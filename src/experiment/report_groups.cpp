// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>

#include "experiment/report_table.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/statistics.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// Student's t at 0.975 for n - 1 degrees of freedom; the normal value from 31 seeds on.
double student(std::size_t n) {
  static constexpr std::array<double, 31> kQuantiles = {
      0,     0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
      2.228, 2.201, 2.179,  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
      2.080, 2.074, 2.069,  2.064, 2.060, 2.056, 2.052, 2.048, 2.045};
  return n < kQuantiles.size() ? kQuantiles[n] : 1.96;
}

Spread over_seeds(const std::vector<double>& values) {
  Spread spread;
  if (values.empty()) return spread;
  spread.mean = mean(values);
  spread.is_known = true;
  const double half = values.size() < 2 ? 0
                                        : student(values.size()) * standard_deviation(values) /
                                              std::sqrt(static_cast<double>(values.size()));
  spread.low = spread.mean - half;
  spread.high = spread.mean + half;
  return spread;
}

std::string axis_text(const Json& value) {
  if (value.is_object() && value.contains("type")) return value.at("type").get<std::string>();
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::vector<double> ReportGroup::values(const std::string& metric) const {
  std::vector<double> values;
  for (const Json* row : rows)
    if (const Json& metrics = row->at("metrics");
        metrics.contains(metric) && metrics.at(metric).is_number())
      values.push_back(metrics.at(metric).get<double>());
  return values;
}

std::vector<ReportGroup> group_rows(const Json& report) {
  std::vector<ReportGroup> groups;
  for (const Json& row : report.at("rows")) {
    std::string label = row.at("stage").get<std::string>();
    for (const auto& [path, value] : row.at("axes").items()) label += ", " + axis_text(value);
    if (report.at("rows").size() > 0 &&
        row.at("evaluated_by") != report.at("rows").front().at("evaluated_by"))
      label += " (" + row.at("evaluated_by").get<std::string>() + ")";
    auto at = std::find_if(groups.begin(), groups.end(),
                           [&](const ReportGroup& g) { return g.label == label; });
    if (at == groups.end()) {
      groups.push_back({label,
                        row.at("stage"),
                        row.at("role"),
                        row.at("starts_from"),
                        row.value("estimator", ""),
                        {}});
      at = groups.end() - 1;
    }
    at->rows.push_back(&row);
  }
  return groups;
}

Spread spread_of(const ReportGroup& group, const std::string& metric) {
  Spread spread = over_seeds(group.values(metric));
  if (group.rows.size() == 1 && spread.is_known) {
    const Json& metrics = group.rows.front()->at("metrics");
    if (metrics.contains(metric + "_low")) {
      spread.low = metrics.at(metric + "_low").get<double>();
      spread.high = metrics.at(metric + "_high").get<double>();
    }
  }
  return spread;
}

Spread change_of(const ReportGroup& group, const std::vector<ReportGroup>& groups,
                 const std::string& metric) {
  std::vector<double> changes;
  for (const Json* row : group.rows) {
    const Json* start = nullptr;
    for (const ReportGroup& other : groups)
      for (const Json* candidate : other.rows)
        if (candidate->at("stage") == row->at("starts_from") &&
            candidate->at("evaluated_by") == row->at("evaluated_by") &&
            (!start || candidate->at("seed") == row->at("seed")))
          start = candidate;
    if (!start) continue;
    const Json &mine = row->at("metrics"), &theirs = start->at("metrics");
    if (mine.contains(metric) && theirs.contains(metric))
      changes.push_back(mine.at(metric).get<double>() - theirs.at(metric).get<double>());
  }
  return over_seeds(changes);
}

}  // namespace lldm
