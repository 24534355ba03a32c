// SPDX-License-Identifier: MIT
// The two ways of `lldm data synthesize`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "cli/command.hpp"
#include "lldm/concepts/any_task.hpp"
#include "stage/benchmark_rows.hpp"

namespace lldm::cli {

/// What the options say, whichever way pairs are made.
struct SynthesisRequest {
  const Arguments& arguments;
  std::filesystem::path from;
  BenchmarkRule benchmarks;
  std::uint64_t seed;
};

/// The task, reading `file`, with its options by --set KEY=VALUE.
AnyTask task_of(const SynthesisRequest& request, const std::string& name,
                const std::filesystem::path& file);

/// Pairs of the answers of a file; the command's exit code.
int import_answers(const SynthesisRequest& request);

}  // namespace lldm::cli
