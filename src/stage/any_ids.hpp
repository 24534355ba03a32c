// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/concepts/tokenizer.hpp"

namespace lldm {

/// Stands for whatever tokenizer the stage will have: components ask it for ids alone.
class AnyIds final : public Tokenizer {
 public:
  std::vector<std::int64_t> encode(std::string_view, SpecialText) const override { return {}; }
  std::string decode(std::span<const std::int64_t>, bool) const override { return ""; }
  std::int64_t vocabulary_size() const override { return std::int64_t{1} << 40; }
  const SpecialTokens& special() const override { return special_; }
  std::string_view type() const override { return "any"; }
  void save(const std::filesystem::path&) const override {}
  std::string fingerprint() const override { return ""; }

 private:
  SpecialTokens special_{.mask = (std::int64_t{1} << 40) - 1, .end_of_text = 0};
};

}  // namespace lldm
