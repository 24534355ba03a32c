// SPDX-License-Identifier: MIT
// Sentences below the table: only what the intervals carry.
#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "report/report_table.hpp"

namespace lldm {
namespace {

std::string number(double value) { return figure_text(value); }
std::string points(double share) { return rounded_text(100.0 * share, 3) + " points"; }

std::string test_of(const Spread& s) {
  if (!s.test) return "";
  return message(", ", s.test->name, " p = ", rounded_text(s.test->p, 3), " (", s.test->up, " up, ",
                 s.test->down, " down of ", s.test->compared, ")");
}

/// Why a difference is none that is claimed, or is one without an interval.
std::string caveat(const Spread& s) {
  if (s.is_change())
    return s.has_interval ? "" : message(" (no interval", s.why.empty() ? "" : ": " + s.why, ")");
  if (s.mean == 0) return "";
  if (!s.has_interval && !s.test)
    return message(" (one figure, no interval", s.why.empty() ? "" : ": " + s.why, ")");
  if (s.has_interval && s.low <= 0 && s.high >= 0) return " (the interval includes no change)";
  if (s.is_share && !s.test)
    return message(" (no exact test", s.why.empty() ? "" : ": " + s.why, ")");
  if (s.test && s.test->p > 0.05) return std::string(" (the exact test finds no change)");
  return " (not beyond the spread over seeds)";
}

/// "rose by 12 points [5, 19 paired bootstrap], exact McNemar p = ...", or that it did not.
std::string sentence(const std::string& what, const Spread& change, double scale,
                     const char* unit) {
  if (!std::isfinite(change.mean)) return message(what, ": nan (", change.why, ")");
  const std::string size = rounded_text(scale * std::abs(change.mean), 3) + unit;
  const std::string shown = bracket_text(change, scale) + test_of(change) + caveat(change);
  if (change.is_change())
    return message(what, change.mean < 0 ? " fell by " : " rose by ", size, shown);
  if (change.mean == 0) return message(what, ": no change", shown);
  return message(what, ": no change that is sure, ", change.mean < 0 ? "-" : "+", size, shown);
}

std::string of_line(const ReportGroup& group, const ReportGroups& groups) {
  std::string text;
  const Spread lines = change_of(group, groups, "superfluous_steps");
  if (lines.is_known)
    text += message(sentence("superfluous lines", lines, 1.0, ""), ", to ",
                    figure_text(spread_of(group, "superfluous_steps").mean), "; ");
  const Spread accuracy = change_of(group, groups, "accuracy");
  text += accuracy.is_known ? sentence("accuracy", accuracy, 100.0, " points")
                            : "accuracy: no change known, " + accuracy.why;
  return "- " + group.name + ": " + text + ".\n";
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
    const std::string by = message(group->name, " (", points(right.mean),
                                   bracket_text(right, 100.0), test_of(right), caveat(right), ")");
    if (right.is_known)
      append(!right.is_change() ? as_right : right.mean < 0 ? less_right : more_right, by);
    const std::string by_lines =
        message(group->name, " (", number(lines.mean), bracket_text(lines), test_of(lines), ")");
    if (lines.is_known)
      append(!lines.is_change() ? unclear : lines.mean < 0 ? shorter : longer, by_lines);
  }
  std::string text = message("- control ", control.name, ": accuracy ",
                             figure_text(spread_of(control, "accuracy").mean));
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

std::string findings(const ReportGroups& all) {
  const ReportGroups groups = lines_with(all, {"accuracy"});
  std::vector<const ReportGroup*> tuned, controls;
  for (const ReportGroup& group : groups) {
    if (group.values("accuracy").empty()) continue;
    if (group.role == "preference") tuned.push_back(&group);
    if (group.role == "control") controls.push_back(&group);
  }
  std::string text;
  std::size_t seeds = 0;
  for (const auto& [what, lines] :
       {std::pair("What preference tuning changed", &tuned),
        std::pair("What the controls changed without preference", &controls)}) {
    bool has_title = false;
    for (const ReportGroup* group : *lines) {
      if (group->starts_from.empty()) continue;
      if (!has_title) text += message(what, ", against the model each starts from:\n");
      has_title = true;
      seeds = std::max(seeds, group->rows.size());
      text += of_line(*group, groups);
    }
  }
  if (!controls.empty() && !tuned.empty()) text += "Tuned models against the controls:\n";
  for (const ReportGroup* group : controls)
    if (!tuned.empty()) text += against(*group, tuned);
  if (text.empty()) return "";
  text += "Brackets: 95 % intervals of differences on the same items, each with its name; means";
  if (seeds > 1) text += message(" over ", seeds, " seeds");
  text +=
      ".  A change is\nclaimed only if its interval excludes zero and the exact test of the items "
      "gives p <= 0.05 (McNemar's; where items\ndiffer by unlike amounts, all flips of their "
      "signs); where all items differ alike there is no interval,\nand the test decides alone";
  text +=
      seeds > 1 ? "; with several seeds Student's interval over them excludes zero too.\n" : ".\n";
  return text;
}

}  // namespace lldm
