// SPDX-License-Identifier: MIT
// What finished work left is bound by hashes, and checked wherever it is read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/experiment/schedule.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

/// Finishes a piece of work: MANIFEST.json with the hash of every file of its folder, of its
/// models' manifests and of result.json, which holds `result` and is written last.
void seal_work(const std::filesystem::path& folder, const std::string& result);

/// Binds one file of finished work anew, which lldm itself has just written in another form.
void reseal_file(const std::filesystem::path& folder, const std::string& name);

/// Removes the result of other work, before the folder's work is done anew.
void unseal_work(const std::filesystem::path& folder);

/// Whether a folder's result.json is of the work with this hash.
/// Errors  DataError, naming result.json, if it is not what was written.
bool holds_result(const std::filesystem::path& folder, const std::string& hash);

/// What of a finished stage's weights is compared with their manifest before anything loads them.
enum class WeightCheck : std::uint8_t {
  sizes,
  content,  // every byte, once for each state of a file (file_digests.hpp)
};

/// Errors  DataError naming every file (and row) of the finished work that is not what was written.
///         The weights of models are hashed when they are loaded, or by `weights`.
void require_whole_work(const Work& work, WeightCheck weights);

/// The same of the lines of metrics.jsonl at `file` that finished work of a plain run (`label`)
/// logged, which its folder keeps too; they are put back, with a warning, where all of them are
/// gone.
void require_whole_metrics(const Work& work, const std::string& label,
                           const std::filesystem::path& file, Logger& logger);

/// Keeps what `label` logged in `file` in the folder of its work.
void keep_metrics(const std::filesystem::path& file, const std::string& label,
                  const std::filesystem::path& folder);

/// Hands every row of a JSONL file of finished work to `use`, with its number from 1.
/// Errors  DataError, naming file and row, if it is not what was written or not what `use` reads.
void each_sealed_row(
    const std::filesystem::path& file,
    const std::function<void(const nlohmann::ordered_json& row, std::uint64_t number)>& use);

}  // namespace lldm
