// SPDX-License-Identifier: MIT
// What a run has to do: every distinct piece of work once, in order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lldm/experiment/experiment.hpp"
#include "lldm/experiment/grid.hpp"

namespace lldm {

/// One piece of work: a stage of one or more cells, or one model of an evaluate stage.  Two cells
/// whose stage, inputs and seed are equal share the piece; it is found by hash, never by hand.
struct Work {
  std::string stage;
  std::string model;  // evaluate: the measured model's stage (or folder); else empty
  std::int64_t seed = 0;
  std::string hash;                           // of everything that decides the result
  std::string settings_hash;                  // the same without the seeds
  std::filesystem::path folder;               // where its results lie
  std::map<std::string, std::size_t> inputs;  // stage name -> index of the work that made it
  std::vector<std::size_t> cells;             // which cells need it
  std::size_t experiment = 0;                 // index of an experiment that describes it
};

/// The whole run.
struct RunSchedule {
  std::vector<Cell> cells;
  std::vector<Experiment> experiments;  // one per cell
  std::vector<Work> work;               // inputs always before what reads them
  std::vector<std::string> cell_ids;    // one per cell
  [[nodiscard]] const Stage& stage_of(const Work& work) const;
};

/// Works out what has to be done, and where: `out`/<stage> for a plain run; with a grid
/// `out`/cells/<cell>/<stage>, or `out`/shared/<stage>-<hash> for work of several cells.  Work that
/// index.json of `out` knows stays where it lies, however the file has grown since.
RunSchedule make_schedule(std::vector<Cell> cells, std::vector<Experiment> experiments,
                          const std::filesystem::path& out);

/// Changes with what goes into a hash: a folder of another scheme is not read.
inline constexpr int kWorkScheme = 5;

/// The file in a piece of work's folder that says which work it is and what decides its result.
inline constexpr const char* kWorkName = "work.json";
/// The file in a piece of work's folder that says it is finished.
inline constexpr const char* kResultName = "result.json";
/// The file that says why it could not be finished.
inline constexpr const char* kFailureName = "failed.json";
/// What was logged while it was done: of one piece of work in a grid, of all in a plain run.
inline constexpr const char* kMetricsName = "metrics.jsonl";
/// Whether the result in its folder is of exactly this work.
/// Errors  DataError, naming result.json, if it is not what was written (MANIFEST.json beside it).
bool is_done(const Work& work);

/// The error that ended its last attempt; "" if it is not recorded as failed.
std::string failure_of(const Work& work);
/// The exit code that error would have had alone.
int failure_code(const Work& work);

/// Short name of a cell: the hash of its axes' values and its seed.
std::string cell_id(const Cell& cell);

}  // namespace lldm
