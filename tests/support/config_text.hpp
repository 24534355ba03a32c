// SPDX-License-Identifier: MIT
// Configuration from strings and throw-away folders, and its errors as one text.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "lldm/config/document.hpp"

namespace lldm::testing {

/// Every error, a line break between them.
inline std::string error_text(const config::Diagnostics& diagnostics) {
  std::string text;
  for (const auto& error : diagnostics.errors()) text += (text.empty() ? "" : "\n") + error.text();
  return text;
}

/// The tree of a text called "a.toml"; a mistake in it fails the test by its exception.
inline config::Value tree(std::string_view text) {
  config::Diagnostics diagnostics;
  config::Value root = config::parse(text, {"a.toml", "."}, diagnostics);
  diagnostics.throw_if_any();
  return root;
}

inline std::string parse_error(std::string_view text) {
  config::Diagnostics diagnostics;
  (void)config::parse(text, {"a.toml", "."}, diagnostics);
  return error_text(diagnostics);
}

/// A folder that is gone when the test is over.
class ConfigFolder {
 public:
  ConfigFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lldm_test_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~ConfigFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// `text` with every `folder` written as "DIR".
inline std::string without_folder(std::string text, const ConfigFolder& folder) {
  const std::string prefix = folder.path().string();
  for (std::size_t at = 0; (at = text.find(prefix, at)) != std::string::npos; at += 3)
    text.replace(at, prefix.size(), "DIR");
  return text;
}

}  // namespace lldm::testing
