// SPDX-License-Identifier: MIT
#include "storage/file_digests.hpp"

#include <sys/stat.h>

#include <ctime>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

constexpr off_t kLargeBytes = 1 << 20;

/// A pure function of what the files hold, so one for the process.
struct Known {
  std::mutex mutex;
  std::map<std::string, std::string> digest_of;  // by `identity_of`
};

Known& known() {
  static Known known;
  return known;
}

/// "" for a small file, for one that cannot be asked, and for one so new that another write might
/// get the same time.
std::string identity_of(const std::filesystem::path& file) {
  struct stat status = {};
  if (::stat(file.c_str(), &status) != 0 || status.st_size < kLargeBytes) return "";
  if (std::time(nullptr) - status.st_ctim.tv_sec < 2) return "";
  return message(status.st_dev, " ", status.st_ino, " ", status.st_size, " ", status.st_mtim.tv_sec,
                 ".", status.st_mtim.tv_nsec, " ", status.st_ctim.tv_sec, ".",
                 status.st_ctim.tv_nsec);
}

std::string table_text(const std::map<std::string, std::string>& digests) {
  const Json entries(digests);
  return Json{{"digests", entries}, {"sha256", sha256_hex(entries.dump())}}.dump(1) + "\n";
}

}  // namespace

std::string file_digest(const std::filesystem::path& file) {
  const std::string identity = identity_of(file);
  if (identity.empty()) return sha256_file(file);
  const std::scoped_lock lock(known().mutex);
  if (const auto found = known().digest_of.find(identity); found != known().digest_of.end())
    return found->second;
  std::string digest = sha256_file(file);
  // What was written to while it was read is read again next time.
  if (identity_of(file) == identity) known().digest_of.emplace(identity, digest);
  return digest;
}

void recall_digests(const std::filesystem::path& table) {
  try {
    const std::string text = read_file(table);
    const auto digests = Json::parse(text).at("digests").get<std::map<std::string, std::string>>();
    if (table_text(digests) != text) return;
    const std::scoped_lock lock(known().mutex);
    known().digest_of.insert(digests.begin(), digests.end());
  } catch (const std::exception&) {  // the files are read, that is all
  }
}

void keep_digests(const std::filesystem::path& table) {
  const std::scoped_lock lock(known().mutex);
  if (known().digest_of.empty()) return;
  const std::string text = table_text(known().digest_of);
  if (!std::filesystem::exists(table) || read_file(table) != text)
    write_file_atomically(table, text);
}

}  // namespace lldm
