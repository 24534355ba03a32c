// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lldm/experiment/stage_fit.hpp"

namespace lldm {

class AnyForwardProcess;
class AnyScoreEstimator;

/// Looks at what stages score with before anything is trained: estimators that have no meaning for
/// their forward process, samplers of models whose noise shows tokens, orders that nobody recorded,
/// schedules that nobody reads.
class ScoringFit {
 public:
  /// Tells what is wrong with a stage; those of a cell are given in its order.
  void check(const StageFit& fit);
  void begin_cell() { shows_tokens_.clear(); }

  /// Schedules that a stage, or the file with the table `root`, sets and no estimator behind them
  /// reads, one "file:line:column: ..." and its hint each: noted, not refused, since a grid may
  /// sweep the estimator beside the schedule.
  [[nodiscard]] std::vector<std::string> notes(const config::Value& root) const;

 private:
  void check_parts(const StageFit& fit);
  void note_schedule(const StageFit& fit, bool is_read);

  std::map<std::string, std::string> shows_tokens_;  // training stage -> its process
  bool is_shared_read_ = false;                      // some stage reads the file's own schedule
  std::vector<std::string> notes_;
};

}  // namespace lldm
