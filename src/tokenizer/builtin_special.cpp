// SPDX-License-Identifier: MIT
#include "tokenizer/builtin_special.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {

BuiltinSpecial::BuiltinSpecial(const SpecialNames& names, std::int64_t first_id)
    : names_(names), first_id_(first_id) {
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string& text = names.*role.text;
    if (text.empty()) continue;
    require_utf8(text, message("special token ", role.key));
    if (text.find_first_of(" \t\r\n\v\f") != std::string::npos)
      throw DataError(message("special token ", role.key, ": \"", text, "\" holds white space"));
    const auto known = std::find(texts_.begin(), texts_.end(), text);
    ids_.*role.id = first_id + (known - texts_.begin());
    if (known != texts_.end()) continue;
    matcher_.add(text, ids_.*role.id);
    texts_.push_back(text);
  }
}

}  // namespace lldm
