// SPDX-License-Identifier: MIT
// Rows of sets that models are measured by: nothing is trained on them unless the stage says so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lldm/concepts/task.hpp"
#include "lldm/experiment/stage.hpp"
#include "stage/data_source.hpp"

namespace lldm {

/// What a row asks: its prompt, the user's turns, or a text without a prompt.
std::string asked_by(const SourceRow& row);

/// Whether data that models are measured by may be used, and a file of sets beside the built-in
/// ones ("": none).
struct BenchmarkRule {
  bool allows = false;
  std::filesystem::path sets = {};
};

/// How many of the rows that a stage trains on are of each benchmark; one more for a file that is
/// known by its name.
std::map<std::string, std::int64_t> benchmark_rows(const StageRows& rows,
                                                   const std::vector<SourceRow>& sources);

/// DataError naming them, if `rows` is what the stage trains on and it does not allow them.
void refuse_benchmarks(const Stage& stage, const StageRows& rows,
                       const std::vector<SourceRow>& sources);

/// The file that a task's table names under a key of type path; "" for none.
std::filesystem::path file_of_task(const Registry& registry, const config::Value& table);

/// DataError for problems that pairs are to be made of, unless the rule allows them.
/// `remedy`: what to write where they are meant.
void refuse_benchmarks(const std::string& where, const std::filesystem::path& file,
                       const std::vector<Example>& problems, const BenchmarkRule& rule,
                       const std::string& remedy);

}  // namespace lldm
