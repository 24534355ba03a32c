// SPDX-License-Identifier: MIT
// How the texts of a stage are written, known before any model is loaded.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/template.hpp"
#include "lldm/stage/run_context.hpp"
#include "stage/data_source.hpp"

namespace lldm {

/// Answers of a row of the stage, as its objective or its kind compares them.
std::int64_t group_size_of(const PlannedRun& run, const Work& work);

/// The stage or folder that a work's model comes from; "" for a fresh one.
std::string start_of(const PlannedRun& run, const Work& work);

/// The writings of a run's work.
class Writings {
 public:
  explicit Writings(const PlannedRun& run) : run_(run) {}

  /// Of the model that the work starts from; where that stage has not run, what it will be.
  /// Errors  DataError where a folder is not there or damaged, ConfigError where its template and
  ///         the file's contradict one another.
  Writing of(const Work& work);
  /// Whether it is known yet: a vocabulary of words may be made of rows that an earlier stage is to
  /// make.
  [[nodiscard]] bool is_known(const Work& work) const;

 private:
  Writing of(const Work& work, bool is_training);
  const Writing& fresh(const Work& work);

  PlannedRun run_;
  std::map<std::string, Writing> fresh_;  // by the work's hash: a vocabulary reads every file
};

}  // namespace lldm
