// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {

/// One id per byte of the UTF-8 text, 0 to 255; special tokens from 256 on, in the order of
/// `kSpecialRoles`.  Every text round-trips exactly; bytes that do not form UTF-8 decode to U+FFFD.
class BytesTokenizer final : public Tokenizer {
 public:
  static constexpr std::string_view name() { return "bytes"; }
  static constexpr std::string_view description() { return "one token per byte of the text"; }

  /// Errors  DataError if a special token's text holds white space.
  explicit BytesTokenizer(const SpecialNames& special = {});

  [[nodiscard]] std::vector<std::int64_t> encode(
      std::string_view text, SpecialText special = SpecialText::plain) const override;
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids,
                                   bool skip_special = true) const override;
  [[nodiscard]] std::int64_t vocabulary_size() const override;
  [[nodiscard]] const SpecialTokens& special() const override;
  [[nodiscard]] std::string_view type() const override { return name(); }
  void save(const std::filesystem::path& folder) const override;
  [[nodiscard]] std::string fingerprint() const override;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace lldm
