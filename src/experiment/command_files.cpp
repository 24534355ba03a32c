// SPDX-License-Identifier: MIT
#include "experiment/command_files.hpp"

#include <filesystem>

namespace lldm {

std::vector<std::string> command_files(const config::Value& table) {
  std::vector<std::string> files;
  if (!table.is_table()) return files;
  const config::Member *file = table.find("file"), *command = table.find("command");
  if (!file || !command || !file->value.is_string() || !command->value.is_array()) return files;
  const auto folder = std::filesystem::path(file->value.as_string()).parent_path();
  for (const config::Value& word : command->value.as_array()) {
    if (!word.is_string() || word.as_string().empty() || word.as_string().front() == '/') continue;
    const auto path = (folder / word.as_string()).lexically_normal();
    std::error_code missing;
    if (std::filesystem::is_regular_file(path, missing)) files.push_back(path.string());
  }
  return files;
}

}  // namespace lldm
