// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/tokenizer/special_names.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"

namespace lldm {

/// A special token's text that says that there is none.
inline constexpr std::string_view kNoToken = "none";

/// What is asked of a published file.
struct AskedTokens {
  SpecialNames names = {};  // kNoToken: the role has none
  MissingSpecial missing_special = MissingSpecial::refuse;
  MissingSymbol missing_symbol = MissingSymbol::refuse;
  std::string pattern = {};
};

/// Who names the special tokens where both do.
enum class NamedBy {
  asked,   // what is asked, and the files are not looked at for that role
  folder,  // the files beside it; other names are refused: a model keeps what it was trained with
};

/// `asked` where it names something, else `fallback`; kNoToken is empty.
[[nodiscard]] SpecialNames chosen_names(const SpecialNames& asked, const SpecialNames& fallback);

/// A key of [tokenizer] that says otherwise than the model folder beside it.
[[noreturn]] void refuse_key(const std::filesystem::path& folder, std::string_view key,
                             std::string_view asked, std::string_view is);

/// The tokenizer of a published file of any kind (tokenizer/tokenizer_source.hpp), with what the
/// files beside it say of special tokens.
///
/// Errors  DataError of the files; ConfigError for what is asked and cannot be.
[[nodiscard]] std::shared_ptr<const Tokenizer> read_published(const std::filesystem::path& file,
                                                              const AskedTokens& asked,
                                                              NamedBy named_by);

}  // namespace lldm
