// SPDX-License-Identifier: MIT
// Where the work of a run folder lies: index.json, read back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace lldm {

/// Work by hash, of the file as it was run last and of what it was before.
struct FolderIndex {
  std::filesystem::path out;
  int scheme = 0;                              // 0: no run has been here
  std::map<std::string, std::string> folders;  // hash -> folder below `out`
  std::int64_t threads = 0;                    // what the folder was begun with; 0: not known

  /// Whether finished or half-finished work lies in a folder below `out`.
  [[nodiscard]] bool is_taken(const std::string& folder) const;
};

/// Of a folder without index.json what work.json files say; of one of another scheme nothing but
/// the scheme (1: it has no number).
FolderIndex read_index(const std::filesystem::path& out);

/// Entries of index.json (`work` and `kept`) that the new index does not list and whose folders
/// hold something: they stay.
nlohmann::ordered_json kept_work(const FolderIndex& before, const nlohmann::ordered_json& index);

/// What index.json says: the index, and a digest of it, so that no flipped character passes for
/// other work.
std::string index_text(nlohmann::ordered_json index);

/// Whether a result or a checkpoint lies anywhere below.
bool holds_work(const std::filesystem::path& out);

/// ConfigError if an lldm whose hashes mean other things has finished work in the folder.
void require_own_scheme(const FolderIndex& index);

}  // namespace lldm
