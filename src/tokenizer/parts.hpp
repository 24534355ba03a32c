// SPDX-License-Identifier: MIT
// How the parts of a tokenizer.json are chosen: one table per kind, `type` -> maker.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "text/json.hpp"

namespace lldm {

/// A `type` and what makes the part from its JSON.
template <class Maker>
struct NamedPart {
  std::string_view type;
  Maker make;
};

/// The maker of `json.type`.
///
/// Errors  DataError at the path of `type`, listing what is implemented; `kind` is "normalizer" ...
template <class Maker>
const Maker& maker_of(std::span<const NamedPart<Maker>> table, std::string_view kind,
                      const JsonView& json) {
  const JsonView type = json.at("type");
  std::string names;
  for (const auto& part : table) {
    if (part.type == type.text()) return part.make;
    names += (names.empty() ? "" : ", ") + std::string(part.type);
  }
  type.fail(
      message("the ", kind, " \"", type.text(), "\" is not implemented\n  implemented: ", names));
}

/// Calls `add` for every entry of the list `key` of a Sequence.
template <class Add>
void for_each_in_sequence(const JsonView& json, std::string_view key, const Add& add) {
  json.only_keys({"type", key});
  const JsonView list = json.at(key);
  list.require_array();
  for (std::size_t i = 0; i < list.size(); ++i) add(list.at(i));
}

}  // namespace lldm
