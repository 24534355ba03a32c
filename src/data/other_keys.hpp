// SPDX-License-Identifier: MIT
// What the rows of a file hold beside what their form reads: carried on, or counted as left out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_reader.hpp"
#include "lldm/data/rows.hpp"

namespace lldm::data {

/// Keys that rows of lldm's own hold beside their texts (docs/reasoning_pairs.md): "id", "error",
/// "provenance" ...
[[nodiscard]] const std::set<std::string>& own_keys();

/// A second reading of a file whose rows were read: for each of them the keys that are carried.
class OtherKeys {
 public:
  /// `options.form`: that of the rows which were read.  `unused`: RowFile::unused_keys of the first
  /// reading.  `kept`: names of keys, or the one word "all".  Own keys are always kept.
  OtherKeys(const std::filesystem::path& path, const RowReaderOptions& options,
            const std::vector<std::string>& unused, std::vector<std::string> kept);

  /// The carried keys of the row with this id (RowFile): of rows in the order of the file.
  nlohmann::json of_row(std::uint64_t id);

  /// How many rows held a key that was left out.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& left_out() const { return left_out_; }

  /// Names of `kept` that no row held, each with the nearest key; "" if all were there.
  [[nodiscard]] std::string missing() const;

 private:
  void count_inner(const nlohmann::json& row);

  LineReader lines_;
  Columns columns_;
  std::optional<RowForm> form_;
  std::set<std::string> unused_, kept_, found_, seen_;
  bool keeps_all_ = false;
  std::map<std::string, std::uint64_t> left_out_;
};

}  // namespace lldm::data
