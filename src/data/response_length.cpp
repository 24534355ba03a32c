// SPDX-License-Identifier: MIT
#include "lldm/data/response_length.hpp"

namespace lldm {

bool ResponseLength::read(const config::Value& given, const config::Slot& slot) {
  if (given.is_string() && given.as_string() == "own") {
    reset();
    return true;
  }
  if (!given.is_integer() || given.as_integer() < 1)
    return slot.fail(given, "is " + given.seen(),
                     "legal: \"own\", or a number of tokens from 1; default: \"own\"");
  emplace(given.as_integer());
  return true;
}

std::optional<config::Value> ResponseLength::write() const {
  return has_value() ? config::Value::integer(**this) : config::Value::string("own");
}

}  // namespace lldm
