// SPDX-License-Identifier: MIT
#include "experiment/input_files.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "experiment/command_files.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "storage/file_digests.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

std::string folder_digest(const fs::path& folder) {
  if (const auto manifest = folder / "MANIFEST.json"; fs::is_regular_file(manifest))
    return sha256_file(manifest);
  std::vector<std::string> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file())
      entries.push_back(entry.path().filename().string() + " " + file_digest(entry.path()) + "\n");
  std::sort(entries.begin(), entries.end());
  std::string text;
  for (const std::string& entry : entries) text += entry;
  return sha256_hex(text);
}

std::string digest(const std::string& path) {
  std::error_code missing;
  if (fs::is_regular_file(path, missing)) return file_digest(path);
  if (fs::is_directory(path, missing)) return folder_digest(path);
  return "";
}

}  // namespace

void InputFiles::add(const config::Value& value, std::string& lines) {
  for (const std::string& file : command_files(value)) add(config::Value::string(file), lines);
  if (value.is_array())
    for (const config::Value& element : value.as_array()) add(element, lines);
  if (value.is_table())
    for (const config::Member& member : value.as_table())
      if (member.key != "reference" || !member.value.find("cache"))  // which is no input
        add(member.value, lines);
  const std::string hash = digest_of(value);
  if (hash.empty()) return;
  const std::string line = value.as_string() + " sha256:" + hash + "\n";
  if (lines.find(line) == std::string::npos) lines += line;
}

std::string InputFiles::digest_of(const config::Value& value) {
  if (!value.is_string() || !value.as_string().starts_with('/')) return "";
  const std::string& path = value.as_string();
  const auto found = known_.find(path);
  return found != known_.end() ? found->second : known_[path] = digest(path);
}

std::string InputFiles::digests(const config::Value& table) {
  std::string lines;
  add(table, lines);
  return lines;
}

}  // namespace lldm
