// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "text/json.hpp"

namespace lldm {

/// `decoder` of a tokenizer.json: the texts of tokens to one text.  The table in decoder.cpp says
/// which are read.  Without one, tokens are joined by spaces, as the reference does.
class Decoder {
 public:
  Decoder() = default;
  /// DataError naming the JSON path of what is not implemented.
  explicit Decoder(const JsonView& json);

  /// Whether it is a ByteLevel alone: then a token's bytes do not depend on its neighbours.
  [[nodiscard]] bool is_byte_level() const { return is_byte_level_; }
  [[nodiscard]] std::string operator()(std::vector<std::string> tokens) const;

 private:
  void add(const JsonView& json);
  std::vector<std::function<void(std::vector<std::string>&)>> steps_;
  bool is_byte_level_ = false;
  bool is_there_ = false;
};

}  // namespace lldm
