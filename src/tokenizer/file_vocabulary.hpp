// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

namespace lldm {

/// Ids and texts of a tokenizer.json, without judging it: its own reader does that.
class FileVocabulary {
 public:
  explicit FileVocabulary(const nlohmann::json& tokenizer);
  /// A token of the vocabulary keeps its id.
  void add(const std::string& text, std::int64_t id);
  [[nodiscard]] std::optional<std::string> text_of(std::int64_t id) const;
  [[nodiscard]] std::optional<std::int64_t> id_of(const std::string& text) const;
  /// The first id behind all of them.
  [[nodiscard]] std::int64_t next() const { return next_; }
  /// `302, which is "<|mask|>"`
  [[nodiscard]] std::string shown(std::int64_t id) const;

 private:
  /// {token: id} or [[token, score], ...]
  void add_all(const nlohmann::json& vocab);

  std::unordered_map<std::string, std::int64_t> ids_;
  std::unordered_map<std::int64_t, std::string> texts_;
  std::int64_t next_ = 0;
};

}  // namespace lldm
