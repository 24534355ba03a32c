// SPDX-License-Identifier: MIT
// A tokenizer of bytes with the special tokens of the LLaDA chat template, for tests of what uses
// one.
#pragma once

#include <array>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"

namespace lldm::testing {

class ToyTokenizer final : public Tokenizer {
 public:
  static constexpr std::array<std::string_view, 6> kSpecial = {
      "<|mask|>",          "<|endoftext|>", "<|startoftext|>", "<|start_header_id|>",
      "<|end_header_id|>", "<|eot_id|>"};

  std::vector<std::int64_t> encode(std::string_view text, SpecialText special) const override {
    std::vector<std::int64_t> ids;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t taken = 0;
      for (std::size_t i = 0; special == SpecialText::recognise && i < kSpecial.size(); ++i)
        if (text.substr(at).starts_with(kSpecial[i])) {
          ids.push_back(256 + static_cast<std::int64_t>(i));
          taken = kSpecial[i].size();
          break;
        }
      if (taken == 0) ids.push_back(static_cast<unsigned char>(text[at]));
      at += taken == 0 ? 1 : taken;
    }
    return ids;
  }
  std::string decode(std::span<const std::int64_t> ids, bool skip_special) const override {
    std::string text;
    for (const auto id : ids) {
      if (id < 0 || id >= vocabulary_size()) throw DataError("id out of range");
      if (id < 256)
        text += static_cast<char>(id);
      else if (!skip_special)
        text += kSpecial[static_cast<std::size_t>(id - 256)];
    }
    return text;
  }
  std::int64_t vocabulary_size() const override { return 256 + 6; }
  const SpecialTokens& special() const override { return special_; }
  std::string_view type() const override { return "toy"; }
  void save(const std::filesystem::path&) const override { throw Error("a toy is not saved"); }
  std::string fingerprint() const override { return "toy"; }

 private:
  SpecialTokens special_{.mask = 256, .end_of_text = 257, .begin_of_text = 258, .end_of_turn = 261};
};

}  // namespace lldm::testing
