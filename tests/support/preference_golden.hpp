// SPDX-License-Identifier: MIT
// Reading golden/preference: rows of JSONL files, packed or not, and what is close to them.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/gzip.hpp"

namespace lldm::testing {

inline std::vector<nlohmann::json> read_preference_golden(const std::string& file) {
  const std::filesystem::path path = golden_root() / "preference" / file;
  std::string text;
  if (path.extension() == ".gz") {
    text = read_gzip(path);
  } else {
    std::ifstream in(path);
    INFO(path.string());
    REQUIRE(in);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::vector<nlohmann::json> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

/// Rows that the manifest of the golden texts names for a file of the folder.
inline int rows_by_manifest(const std::string& file) {
  std::ifstream in(golden_root() / "manifest_texts.json");
  REQUIRE(in);
  return nlohmann::json::parse(in).at("rows").at("preference/" + file).get<int>();
}

inline bool is_close(double got, double expected, double relative, double absolute) {
  return std::abs(got - expected) <= relative * std::abs(expected) + absolute;
}

/// Whether the library itself overflowed somewhere in these figures.
inline bool is_finite(const nlohmann::json& figures) {
  if (figures.is_string()) return false;
  if (figures.is_structured())
    return std::all_of(figures.begin(), figures.end(),
                       [](const nlohmann::json& v) { return is_finite(v); });
  return true;
}

}  // namespace lldm::testing
