// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/free_ids.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {
namespace {

/// Whether one of a few texts around it is encoded to the id.
bool is_encoded(const Tokenizer& tokenizer, const std::string& text, std::int64_t id) {
  for (const std::string& around : {text, " " + text, "a" + text + "a", "a " + text + " a"}) try {
      if (std::ranges::count(tokenizer.encode(around), id) > 0) return true;
    } catch (const DataError&) {  // a text that the vocabulary cannot express
    }
  return false;
}

/// Whether the file names it as one that is kept free.
bool is_called_unused(std::string text) {
  if (text.size() < 3 ||
      !((text.front() == '[' && text.back() == ']') || (text.front() == '<' && text.back() == '>')))
    return false;
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::any_of(std::array{"unused", "reserved", "extra_id", "placeholder", "mask"},
                             [&](const char* word) { return text.find(word) != text.npos; });
}

}  // namespace

std::string use_of_id(const Tokenizer& tokenizer, std::int64_t id) {
  if (id >= tokenizer.vocabulary_size()) return "";
  const std::array<std::int64_t, 1> one = {id};
  const std::string text = tokenizer.decode(one, false);
  for (const SpecialRole& role : kSpecialRoles)
    if (tokenizer.special().*role.id == id && id != tokenizer.special().mask)
      return message("\"", text, "\", the tokenizer's ", role.key, " token");
  const bool is_special = !text.empty() && tokenizer.decode(one, true).empty();
  if (!is_special && !is_called_unused(text))
    return message("\"", text, "\", a token that texts are written with");
  if (is_encoded(tokenizer, text, id)) return message("\"", text, "\", which texts may hold");
  return "";
}

std::vector<std::int64_t> reserved_ids(const Tokenizer& tokenizer, std::size_t most) {
  std::vector<std::int64_t> ids;
  for (std::int64_t id = tokenizer.vocabulary_size() - 1; id >= 0 && ids.size() < most; --id)
    if (use_of_id(tokenizer, id).empty()) ids.push_back(id);
  return ids;
}

}  // namespace lldm
