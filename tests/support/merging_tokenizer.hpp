// SPDX-License-Identifier: MIT
// A tokenizer with one merge.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/tokenizer/load.hpp"

namespace lldm::testing {

/// Bytes, but "ab" is one token (300).
class Merging final : public Tokenizer {
 public:
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text,
                                                 SpecialText special) const override {
    std::vector<std::int64_t> ids;
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text.substr(at).starts_with("ab"))
        ids.push_back(300), ++at;
      else
        for (const std::int64_t id : bytes_->encode(text.substr(at, 1), special)) ids.push_back(id);
    return ids;
  }
  [[nodiscard]] std::string decode(std::span<const std::int64_t>, bool) const override {
    return "";
  }
  [[nodiscard]] std::int64_t vocabulary_size() const override { return 301; }
  [[nodiscard]] const SpecialTokens& special() const override { return bytes_->special(); }
  [[nodiscard]] std::string_view type() const override { return "merging"; }
  void save(const std::filesystem::path&) const override {}
  [[nodiscard]] std::string fingerprint() const override { return ""; }

 private:
  static std::shared_ptr<const Tokenizer> make() {
    TokenizerOptions options;
    options.type = TokenizerType::bytes;
    return make_tokenizer(options, {});
  }
  std::shared_ptr<const Tokenizer> bytes_ = make();
};

}  // namespace lldm::testing
