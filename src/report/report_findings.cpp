// SPDX-License-Identifier: MIT
// Sentences below the table: only what the intervals carry.
#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "report/report_table.hpp"

namespace lldm {
namespace {

std::string number(double value) { return rounded_text(value, 3); }
std::string points(double share) { return rounded_text(100.0 * share, 3) + " points"; }

std::string brackets(const Spread& s, double scale) {
  if (!s.has_interval) return "";
  return message(" [", rounded_text(scale * s.low, 3), ", ", rounded_text(scale * s.high, 3), "]");
}

std::string caveat(const Spread& s) {
  if (!s.has_interval) return " (one figure, no interval)";
  if (s.low <= 0 && s.high >= 0) return " (the interval includes no change)";
  return s.excludes_zero() ? "" : " (not beyond the spread over seeds)";
}

std::string of_preference(const ReportGroup& group, const ReportGroups& groups) {
  std::string text = "- " + group.label + ": ";
  const Spread lines = change_of(group, groups, "superfluous_steps");
  if (lines.is_known) {
    const double now = spread_of(group, "superfluous_steps").mean;
    if (lines.mean == 0 && lines.low == lines.high) {
      text += message("superfluous lines did not change from ", number(now));
    } else {
      text += message("superfluous lines ", lines.mean < 0 ? "fell" : "rose", " by ",
                      number(std::abs(lines.mean)), brackets(lines, 1.0), " to ", number(now));
      text += caveat(lines);
    }
    text += "; ";
  }
  const Spread accuracy = change_of(group, groups, "accuracy");
  if (accuracy.is_known)
    text += message("accuracy changed by ", points(accuracy.mean), brackets(accuracy, 100.0),
                    caveat(accuracy));
  return text + ".\n";
}

void append(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ", ") + item;
}

/// What a control reaches that a preference-tuned model does not, seed by seed.
std::string against(const ReportGroup& control, const std::vector<const ReportGroup*>& tuned) {
  std::string as_right, less_right, more_right, shorter, longer, unclear;
  for (const ReportGroup* group : tuned) {
    const Spread right = difference_of(*group, control, "accuracy"),
                 lines = difference_of(*group, control, "superfluous_steps");
    const std::string by =
        message(group->label, " (", points(right.mean), brackets(right, 100.0), ")");
    if (right.is_known)
      append(!right.excludes_zero() ? as_right : right.mean < 0 ? less_right : more_right, by);
    const std::string by_lines =
        message(group->label, " (", number(lines.mean), brackets(lines, 1.0), ")");
    if (lines.is_known)
      append(!lines.excludes_zero() ? unclear : lines.mean < 0 ? shorter : longer, by_lines);
  }
  std::string text = message("- control ", control.label, ": accuracy ",
                             number(spread_of(control, "accuracy").mean));
  if (const Spread lines = spread_of(control, "superfluous_steps"); lines.is_known)
    text += message(", superfluous lines ", number(lines.mean));
  text += ".";
  const auto say = [&](const char* what, const std::string& whom) {
    if (!whom.empty()) text += message("\n  ", what, ": ", whom, ".");
  };
  say("tuned models that are less often right than it", less_right);
  say("more often right", more_right);
  say("no clear difference in accuracy", as_right);
  say("tuned models that are shorter than it", shorter);
  say("longer", longer);
  say("no clear difference in length", unclear);
  return text + "\n";
}

}  // namespace

std::string findings(const ReportGroups& groups) {
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
  text +=
      "Brackets: 95 % intervals of differences on the same items (paired bootstrap; Student's "
      "over seeds where no\nitems are held)";
  if (seeds > 1) text += message(", means over ", seeds, " seeds");
  text += ".  A difference is not claimed whose interval includes zero";
  text += seeds > 1 ? ", or whose seeds differ as much (Student's t).\n" : ".\n";
  return text;
}

}  // namespace lldm
