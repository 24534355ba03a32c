// SPDX-License-Identifier: MIT
// What the plots of one report share: where they go, their colours, what they say of n.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lldm/render/svg_plot.hpp"
#include "report/report_table.hpp"

namespace lldm {

/// The same thing has the same colour in every plot of a report: a colour is an estimator's where
/// the report compares several, and then lines of one estimator differ in dashes and marker.
class ReportStyles {
 public:
  explicit ReportStyles(const ReportGroups& groups);

  /// What the colour of a group stands for: its estimator, or else its label.
  [[nodiscard]] std::string key_of(const ReportGroup& group) const;
  /// The style of a line named `name` that stands for `key`.
  PlotStyle of(const std::string& key, const std::string& name);

 private:
  bool are_several_ = false;  // estimators
  std::map<std::string, std::size_t> colours_;
  std::map<std::string, std::map<std::string, std::size_t>> patterns_;  // by key and name
};

/// Takes the plots of a report.
struct PlotSink {
  std::function<void(const std::string& name, const std::string& svg)> write;
  ReportStyles& styles;
  std::vector<std::string>& notes;  // what is in no plot, and why
};

/// Logarithmic where the values span a factor of eight or more.
PlotScale scale_of(const std::vector<double>& values);

/// Lines [first, last) that are one plot, and what its title and its file's name say of that.
struct PlotPart {
  std::size_t first, last;
  std::string title, file;  // " (1 of 3)" and "_1"; "" where one plot holds all
};
/// As many plots as `count` lines need with `most` in each; about as many in all, so that none is
/// left with one line.
std::vector<PlotPart> plot_parts(std::size_t count, std::size_t most);

/// "n: 1 to 2 seeds (1, 2)": how many seeds the lines have, and which; "n: 1 seed each (1, 2)"
/// where no line has all of them.
std::string seeds_text(const std::set<std::size_t>& counts, const std::set<std::int64_t>& seeds);

/// "n: 3 seeds (1, 2, 3), 500 items each", of the groups that have the metric.
std::string sizes_text(const std::vector<const ReportGroup*>& groups, const std::string& metric);

/// The figures of the groups that are not finite, one note each.
std::vector<std::string> not_finite_notes(const std::vector<const ReportGroup*>& groups,
                                          const std::string& metric);

}  // namespace lldm
