// SPDX-License-Identifier: MIT
#include "lldm/config/options_check.hpp"

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"
#include "lldm/errors.hpp"

namespace lldm::config {
namespace {

Position place_of(const Value& table, std::string_view key) {
  const Member* member = table.find(key);
  return member ? member->position : table.position();
}

}  // namespace

void OptionsCheck::error(std::string_view key, std::string_view text, std::string_view hint) {
  is_ok_ = false;
  diagnostics_.error(place_of(table_, key), message(where_, ": ", text), std::string(hint));
}

void OptionsCheck::warning(std::string_view key, std::string_view text, std::string_view hint) {
  // Whoever types a key expects it to do something.
  const Member* member = table_.find(key);
  if (member && member->position.source && member->position.source->name == "--set")
    return error(key, text, hint);
  diagnostics_.warning(place_of(table_, key), message(where_, ": ", text), std::string(hint));
}

bool OptionsCheck::is_set(std::string_view key) const { return table_.find(key) != nullptr; }

}  // namespace lldm::config
