// SPDX-License-Identifier: MIT
#include "experiment/folder_index.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "experiment/work_names.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json parsed(const fs::path& path) {
  try {
    return Json::parse(read_file(path), nullptr, false);
  } catch (const FileError&) {
    return Json();
  }
}

bool is_list_of_work(const Json& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& entry) {
           return entry.is_object() && entry.contains("hash") && entry.at("hash").is_string() &&
                  entry.contains("folder") && entry.at("folder").is_string();
         });
}

/// The digest that an index ends with, of everything before it.
std::string digest_of(Json index) {
  index.erase("sha256");
  return sha256_hex(index.dump());
}

bool is_index(const Json& json) {
  return json.is_object() && json.contains("work") && is_list_of_work(json.at("work")) &&
         (!json.contains("kept") || is_list_of_work(json.at("kept"))) &&
         (!json.contains("scheme") || json.at("scheme").is_number_integer()) &&
         (!json.contains("threads") || json.at("threads").is_number_integer());
}

/// Of another scheme only that number counts.
bool is_whole(const Json& json) {
  return is_index(json) && (json.value("scheme", 1) != kWorkScheme ||
                            (json.contains("sha256") && json.at("sha256") == digest_of(json)));
}

/// Another run's folder, or what a store keeps: what lies there is not this run's.
bool is_of_others(const fs::path& folder) {
  return fs::exists(folder / kIndexName) || fs::exists(folder / "run.lock") ||
         fs::exists(folder / "config.resolved.toml") || fs::exists(folder / "store.lock") ||
         (folder.filename() == "work" && fs::exists(folder.parent_path() / "store.lock"));
}

/// Every file and folder below `out` that is of its own run; of checkpoints the folder alone.
std::vector<fs::path> own_entries(const fs::path& out) {
  std::vector<fs::path> entries;
  for (auto entry = fs::recursive_directory_iterator(out);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && is_of_others(entry->path())) {
      entry.disable_recursion_pending();
      continue;
    }
    if (entry->path().filename() == "checkpoints") entry.disable_recursion_pending();
    entries.push_back(entry->path());
  }
  return entries;
}

/// index.json is lost: every piece of work says itself which it is.
void scan(FolderIndex& index) {
  for (const fs::path& entry : own_entries(index.out)) {
    if (entry.filename() != kWorkName) continue;
    const Json record = parsed(entry);
    if (!record.is_object() || !record.contains("hash") || !record.at("hash").is_string() ||
        !record.contains("scheme") || record.at("scheme") != kWorkScheme)
      continue;
    index.scheme = kWorkScheme;
    index.folders[record.at("hash").get<std::string>()] =
        entry.parent_path().lexically_relative(index.out).generic_string();
  }
}

}  // namespace

bool FolderIndex::is_taken(const std::string& folder) const {
  return fs::exists(out / folder / kResultName) || fs::is_directory(out / folder / "checkpoints");
}

FolderIndex read_index(const fs::path& out) {
  FolderIndex index{.out = out, .folders = {}};
  if (!fs::is_directory(out)) return index;
  const auto path = out / kIndexName;
  const Json json = fs::exists(path) ? parsed(path) : Json();
  if (fs::exists(path) && !is_whole(json))
    throw DataError(message(path.string(),
                            ": damaged: not the JSON that lldm wrote\n  remove it: what lies in ",
                            out.string(), " says itself which work it is"));
  if (!json.is_object()) {
    scan(index);
    if (index.scheme == 0 && fs::exists(out / "config.resolved.toml")) index.scheme = 1;
    return index;
  }
  index.scheme = json.value("scheme", 1);
  if (index.scheme != kWorkScheme) return index;
  index.threads = json.value("threads", std::int64_t{0});
  for (const char* list : {"kept", "work"})
    if (json.contains(list))
      for (const Json& entry : json.at(list))
        index.folders[entry.value("hash", "")] = entry.value("folder", "");
  return index;
}

Json kept_work(const FolderIndex& before, const Json& index) {
  std::set<std::string> known;
  for (const Json& entry : index.at("work")) known.insert(entry.at("hash").get<std::string>());
  Json kept = Json::array();
  for (const auto& [hash, folder] : before.folders)
    if (!known.contains(hash) && before.is_taken(folder))
      kept.push_back({{"folder", folder}, {"hash", hash}});
  return kept;
}

std::string index_text(Json index) {
  index["sha256"] = digest_of(index);
  return index.dump(1) + "\n";
}

bool holds_work(const fs::path& out) {
  const std::vector<fs::path> entries = own_entries(out);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return entry.filename() == kResultName ||
           (entry.filename() == "checkpoints" && fs::is_directory(entry) && !fs::is_empty(entry));
  });
}

void require_own_scheme(const FolderIndex& index) {
  if (index.scheme == 0 || index.scheme == kWorkScheme || !holds_work(index.out)) return;
  throw ConfigError(message(
      index.out.string(), ": what lies here was made by ",
      index.scheme < kWorkScheme ? "an older" : "a newer", " version of lldm\n  its hashes of work",
      " follow scheme ", index.scheme, ", this lldm's scheme ", kWorkScheme,
      ": they cannot be compared\n  use another --out, or start over with --fresh"));
}

}  // namespace lldm
