// SPDX-License-Identifier: MIT
#include "run/store.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kMarker = "lldm_store.json";
constexpr const char* kEntry = "entry.json";
constexpr int kStoreVersion = 1;

std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

/// When a file was last written; 0 if it is not there.
std::int64_t time_of(const fs::path& file) {
  using namespace std::chrono;
  std::error_code missing;
  const auto time = fs::last_write_time(file, missing);
  if (missing) return 0;
  return duration_cast<seconds>(file_clock::to_sys(time).time_since_epoch()).count();
}

std::int64_t size_of(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += static_cast<std::int64_t>(entry.file_size());
  return bytes;
}

Json parsed(const fs::path& file) {
  try {
    return Json::parse(read_file(file), nullptr, false);
  } catch (const FileError&) {
    return Json();
  }
}

void check_marker(const fs::path& folder) {
  const auto marker = folder / kMarker;
  if (!fs::exists(marker))
    throw ConfigError(message("store ", folder.string(), ": this folder is no store (no ", kMarker,
                              ")\n  give a store, or a new or empty folder to --store"));
  const Json json = parsed(marker);
  const int version = json.is_object() ? json.value("version", 0) : 0;
  if (version != kStoreVersion)
    throw ConfigError(message("store ", folder.string(), ": it has version ", version,
                              ", this lldm reads version ", kStoreVersion,
                              "\n  use another folder for --store"));
}

/// Copies what belongs to finished work.  The kernel copies, and shares blocks where it can.
void copy_work(const fs::path& from, const fs::path& to) {
  make_folders(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    const bool is_left_out = name == "checkpoints" || name == "metrics.jsonl" ||
                             name == "failed.json" || name.find(".partial-") != name.npos ||
                             name.find(".replaced-") != name.npos;
    if (is_left_out || entry.is_symlink()) continue;
    if (entry.is_directory())
      copy_work(entry.path(), to / name);
    else if (entry.is_regular_file())
      fs::copy_file(entry.path(), to / name);
  }
}

void copy_all(const fs::path& from, const fs::path& to) {
  make_folders(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_directory())
      copy_all(entry.path(), target);
    else if (entry.is_regular_file() && !entry.is_symlink())
      fs::copy_file(entry.path(), target);
  }
}

void sync_tree(const fs::path& folder) {
  FileOps& ops = real_file_ops();
  for (const auto& entry : fs::directory_iterator(folder)) {
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    if (entry.is_directory())
      sync_tree(entry.path());
    else
      OutputFile(ops, entry.path(), WriteMode::append).sync();
  }
  ops.sync_folder(folder);
}

void require_whole(const fs::path& folder, const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  std::string text = message(folder.string(), ": damaged");
  for (const std::string& problem : problems) text += "\n  " + problem;
  throw DataError(text);
}

/// The work and the models inside: a copy of what is damaged is not published.
void require_whole_parts(const fs::path& folder) {
  SealedFolder(folder).explain();
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename() == kManifestName && entry.path().parent_path() != folder)
      require_whole(entry.path().parent_path(), verify_folder(entry.path().parent_path()));
}

}  // namespace

WorkStore::WorkStore(fs::path folder, Existing) : folder_(std::move(folder)) {
  check_marker(folder_);
}

WorkStore::WorkStore(fs::path folder) : folder_(std::move(folder)) {
  if (folder_.empty()) throw ConfigError("--store got an empty name\n  give a folder");
  if (fs::exists(folder_) && !fs::is_directory(folder_))
    throw ConfigError(message("store ", folder_.string(), ": this is no folder"));
  const bool is_new = !fs::exists(folder_) || fs::is_empty(folder_);
  if (is_new) {
    make_folders(folder_);
    write_file_atomically(folder_ / kMarker, Json{{"version", kStoreVersion}}.dump() + "\n");
  }
  // Another process may be making it just now: its marker comes first.
  for (int wait = 0; wait < 20 && !fs::exists(folder_ / kMarker); ++wait) {
    bool is_being_made = false;
    for (const auto& entry : fs::directory_iterator(folder_))
      is_being_made = is_being_made || entry.path().filename().string().starts_with(kMarker);
    if (!is_being_made) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  check_marker(folder_);
  for (const char* part : {"work", "used", "locks"}) {
    if (!fs::exists(folder_ / part)) make_folders(folder_ / part);
  }
}

WorkStore WorkStore::existing(const fs::path& folder) {
  if (!fs::is_directory(folder))
    throw ConfigError(message("store ", folder.string(), ": there is no such folder"));
  return {folder, Existing{}};
}

LockFile WorkStore::locked(LockKind kind) const {
  LockFile file(folder_ / "store.lock", LockCall::flock);
  file.lock(kind);
  return file;
}

fs::path WorkStore::entry_of(const std::string& key) const { return folder_ / "work" / key; }

void WorkStore::touch(const std::string& key) const {
  const auto file = folder_ / "used" / key;
  try {  // news for `prune`: a store that may only be read has none
    if (!fs::exists(file)) write_file_atomically(file, "");
    fs::last_write_time(file, fs::file_time_type::clock::now());
  } catch (const std::exception&) {
  }
}

bool WorkStore::contains(const std::string& key) const { return fs::is_directory(entry_of(key)); }

bool WorkStore::take(const std::string& key, const fs::path& into,
                     const std::function<void(const fs::path&)>& finish) const {
  const fs::path copy = partial_path(into);
  {
    const LockFile lock = locked(LockKind::shared);
    if (!contains(key)) return false;
    lldm::remove_all(copy);
    copy_all(entry_of(key), copy);
    touch(key);
  }
  try {
    require_whole(entry_of(key), verify_folder(copy));
    const Json about = parsed(copy / kEntry);
    if (!about.is_object() || about.value("key", "") != key)
      throw DataError(
          message(entry_of(key).string(), ": damaged\n  ", kEntry, " is that of other work"));
    finish(copy / "files");
    sync_tree(copy / "files");
    lldm::remove_all(into);
    make_folders(into.parent_path());
    real_file_ops().rename(copy / "files", into);
    real_file_ops().sync_folder(into.parent_path());
  } catch (...) {
    lldm::remove_all(copy);
    throw;
  }
  lldm::remove_all(copy);
  return true;
}

bool WorkStore::publish(const std::string& key, const fs::path& folder, const Json& about,
                        const std::string& metrics) const {
  const LockFile lock = locked(LockKind::shared);
  const LockFile own(folder_ / "locks" / key, LockCall::flock);
  if (!own.try_lock(LockKind::exclusive)) return false;  // another process is publishing the same
  if (contains(key) && verify_folder(entry_of(key)).empty()) return false;
  PublishedFolder entry(entry_of(key), IfPublished::replace);
  entry.require_space(static_cast<std::uint64_t>(size_of(folder)));
  copy_work(folder, entry.path() / "files");
  if (!metrics.empty() || fs::exists(folder / "metrics.jsonl")) {  // under a name of their own
    entry.add("files/metrics.jsonl", metrics);
    reseal_file(entry.path() / "files", "metrics.jsonl");
  }
  require_whole_parts(entry.path() / "files");
  Json text = {{"key", key}, {"published", now()}};
  text.update(about);
  entry.add(kEntry, text.dump(2) + "\n");
  entry.publish();
  touch(key);
  return true;
}

std::vector<StoreEntry> WorkStore::list() const {
  std::vector<StoreEntry> entries;
  if (!fs::is_directory(folder_ / "work")) return entries;
  for (const auto& item : fs::directory_iterator(folder_ / "work")) {
    const std::string key = item.path().filename().string();
    if (!item.is_directory() || key.find('.') != std::string::npos) continue;
    StoreEntry entry{.key = key, .about = parsed(item.path() / kEntry)};
    if (!entry.about.is_object()) entry.about = Json::object();
    entry.bytes = size_of(item.path());
    entry.published = entry.about.value("published", time_of(item.path()));
    entry.used = std::max(entry.published, time_of(folder_ / "used" / key));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const StoreEntry& a, const StoreEntry& b) {
    return a.used != b.used ? a.used < b.used : a.key < b.key;
  });
  return entries;
}

std::vector<StoreEntry> WorkStore::prune(const PruneLimits& limits, bool is_dry) const {
  const LockFile lock = locked(LockKind::exclusive);
  const std::vector<StoreEntry> entries = list();
  std::int64_t left = 0;
  for (const StoreEntry& entry : entries) left += entry.bytes;
  std::vector<StoreEntry> removed;
  const std::int64_t time = now();
  const auto is_over = [](std::int64_t age, const std::optional<std::int64_t>& limit) {
    return limit && age > *limit;
  };
  for (const bool by_size : {false, true})
    for (const StoreEntry& entry : entries) {
      const bool is_gone = std::any_of(removed.begin(), removed.end(),
                                       [&](const StoreEntry& r) { return r.key == entry.key; });
      const bool goes =
          by_size ? limits.most_bytes && left > *limits.most_bytes
                  : is_over(time - entry.published, limits.older_than_seconds) ||
                        is_over(time - entry.used, limits.unused_for_seconds) ||
                        (limits.removes_damaged && !verify_folder(entry_of(entry.key)).empty());
      if (is_gone || !goes) continue;
      left -= entry.bytes;
      removed.push_back(entry);
    }
  if (is_dry) return removed;
  for (const char* part : {"work", "used"}) clean_partials(folder_ / part);  // of killed processes
  for (const StoreEntry& entry : removed) {
    fs::path aside = entry_of(entry.key);
    aside += ".partial-0";  // what is half removed is no entry
    real_file_ops().rename(entry_of(entry.key), aside);
    lldm::remove_all(folder_ / "used" / entry.key);
    lldm::remove_all(folder_ / "locks" / entry.key);
  }
  clean_partials(folder_ / "work");
  return removed;
}

std::string store_json(const fs::path& folder, const std::vector<StoreEntry>& entries) {
  Json json = {{"store", folder.string()}, {"bytes", 0}, {"entries", Json::array()}};
  std::int64_t bytes = 0;
  for (const StoreEntry& entry : entries) {
    Json about = {{"key", entry.key}};
    for (const char* key : {"stage", "kind", "model", "experiment", "seed", "hash"})
      about[key] = entry.about.contains(key) ? entry.about.at(key) : Json(nullptr);
    about["bytes"] = entry.bytes;
    about["published"] = entry.published;
    about["used"] = entry.used;
    about["made"] = entry.about.contains("made") ? entry.about.at("made") : Json(nullptr);
    json["entries"].push_back(std::move(about));
    bytes += entry.bytes;
  }
  json["bytes"] = bytes;
  return json.dump(2);
}

}  // namespace lldm
