// SPDX-License-Identifier: MIT
// Sentences below the table: only what the intervals carry.
#include <algorithm>
#include <cmath>

#include "experiment/report_table.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) { return rounded_text(value, 3); }
std::string points(double share) { return rounded_text(100.0 * share, 3) + " points"; }

bool excludes_zero(const Spread& s) { return s.is_known && (s.low > 0 || s.high < 0); }

std::string brackets(const Spread& s, double scale) {
  if (s.low == s.high) return "";
  return message(" [", rounded_text(scale * s.low, 3), ", ", rounded_text(scale * s.high, 3), "]");
}

std::string of_preference(const ReportGroup& group, const std::vector<ReportGroup>& groups) {
  std::string text = "- " + group.label + ": ";
  const Spread lines = change_of(group, groups, "superfluous_steps");
  if (lines.is_known) {
    text += message("superfluous lines ", lines.mean < 0 ? "fell" : "rose", " by ",
                    number(std::abs(lines.mean)), brackets(lines, 1.0), " to ",
                    number(spread_of(group, "superfluous_steps").mean));
    if (!excludes_zero(lines)) text += " (the interval includes no change)";
    text += "; ";
  }
  const Spread accuracy = change_of(group, groups, "accuracy");
  if (accuracy.is_known)
    text += message("accuracy changed by ", points(accuracy.mean), brackets(accuracy, 100.0),
                    excludes_zero(accuracy) ? "" : " (the interval includes no change)");
  return text + ".\n";
}

/// What a control reaches that a preference-tuned model does not.
std::string against(const ReportGroup& control, const std::vector<const ReportGroup*>& tuned) {
  std::string better, worse;
  const Spread accuracy = spread_of(control, "accuracy"),
               lines = spread_of(control, "superfluous_steps");
  for (const ReportGroup* group : tuned) {
    const Spread a = spread_of(*group, "accuracy"), l = spread_of(*group, "superfluous_steps");
    const bool is_clear_lines =
        l.is_known && lines.is_known && (l.high < lines.low || l.low > lines.high);
    if (a.is_known && accuracy.is_known && accuracy.mean >= a.mean)
      better += message(better.empty() ? "" : ", ", group->label, " (", number(a.mean), ")");
    if (is_clear_lines && l.mean < lines.mean)
      worse += message(worse.empty() ? "" : ", ", group->label);
  }
  std::string text = message("- control ", control.label, ": accuracy ", number(accuracy.mean));
  if (lines.is_known) text += message(", superfluous lines ", number(lines.mean));
  text += ". ";
  text += better.empty() ? "No tuned model is less often right in the mean."
                         : "As often right as, or more often than: " + better + ".";
  if (lines.is_known)
    text += worse.empty() ? "  No tuned model is shorter beyond the intervals."
                          : "  Shorter beyond the intervals: " + worse + ".";
  return text + "\n";
}

}  // namespace

std::string findings(const Json& report) {
  const std::vector<ReportGroup> groups = group_rows(report);
  std::vector<const ReportGroup*> tuned, controls;
  for (const ReportGroup& group : groups) {
    if (group.values("accuracy").empty()) continue;
    if (group.role == "preference") tuned.push_back(&group);
    if (group.role == "control") controls.push_back(&group);
  }
  if (tuned.empty()) return "";
  std::string text = "What preference tuning changed, against the model it starts from:\n";
  for (const ReportGroup* group : tuned) text += of_preference(*group, groups);
  if (!controls.empty()) text += "What the controls without preference do:\n";
  for (const ReportGroup* group : controls) text += against(*group, tuned);
  const std::size_t seeds = tuned.front()->rows.size();
  text += message("Intervals are over ", seeds, seeds == 1 ? " seed's items" : " seeds",
                  "; a difference whose interval includes zero is not claimed.\n");
  return text;
}

}  // namespace lldm
