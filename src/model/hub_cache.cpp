// SPDX-License-Identifier: MIT
#include "model/hub_cache.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> folder_of(const char* variable, const char* below) {
  const char* value = std::getenv(variable);
  if (!value || !*value) return std::nullopt;
  return fs::path(value) / below;
}

std::optional<fs::path> cache_folder() {
  for (const auto& [variable, below] : {std::pair{"HF_HUB_CACHE", ""}, std::pair{"HF_HOME", "hub"},
                                        std::pair{"XDG_CACHE_HOME", "huggingface/hub"},
                                        std::pair{"HOME", ".cache/huggingface/hub"}})
    if (auto folder = folder_of(variable, below)) return folder;
  return std::nullopt;
}

/// What refs/main says, else the only snapshot.
std::optional<fs::path> snapshot_of(const fs::path& model) {
  std::error_code failure;
  if (const auto main = model / "refs/main"; fs::is_regular_file(main, failure)) {
    std::string revision = read_file(main);
    while (!revision.empty() && revision.back() == '\n') revision.pop_back();
    const bool is_name = !revision.empty() && revision.find('/') == std::string::npos;
    if (is_name && fs::is_directory(model / "snapshots" / revision, failure))
      return model / "snapshots" / revision;
  }
  std::vector<fs::path> snapshots;
  for (const auto& entry : fs::directory_iterator(model / "snapshots", failure))
    if (entry.is_directory(failure)) snapshots.push_back(entry.path());
  if (snapshots.size() == 1) return snapshots.front();
  return std::nullopt;
}

}  // namespace

std::optional<fs::path> cached_snapshot(const fs::path& path) {
  const auto cache = cache_folder();
  const auto name = path.filename().string(), owner = path.parent_path().filename().string();
  if (!cache || name.empty() || owner.empty()) return std::nullopt;
  return snapshot_of(*cache / ("models--" + owner + "--" + name));
}

bool is_hub_name(const std::string& text) {
  const auto slash = text.find('/');
  const auto is_part = [](std::string_view part) {
    return !part.empty() && part.front() != '.' && std::ranges::all_of(part, [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    });
  };
  return slash != std::string::npos && is_part(text.substr(0, slash)) &&
         is_part(text.substr(slash + 1));
}

std::optional<fs::path> named_snapshot(const std::string& name, const fs::path& folder) {
  std::error_code failure;
  if (!is_hub_name(name) || fs::exists(folder / name, failure)) return std::nullopt;
  return cached_snapshot(name);
}

}  // namespace lldm
