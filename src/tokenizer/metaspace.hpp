// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "text/json.hpp"
#include "tokenizer/pieces.hpp"

namespace lldm {

/// Metaspace of a tokenizer.json, as pre-tokenizer and as decoder: a visible character for the
/// space, put before a text that has none.
class Metaspace {
 public:
  /// Reads replacement, prepend_scheme (or the older add_prefix_space), split.
  /// Errors  DataError at the path of what is wrong.
  explicit Metaspace(const JsonView& json);

  void cut(Pieces& pieces) const;
  /// The text of a token; `is_first`: nothing stands before it.
  [[nodiscard]] std::string decode(std::string_view token, bool is_first) const;

 private:
  enum class Prepend { always, first, never };
  std::string replacement_;
  Prepend prepend_ = Prepend::always;
  bool splits_ = true;
};

}  // namespace lldm
