// SPDX-License-Identifier: MIT
#include "tokenizer/saved_tokenizer.hpp"

#include <limits>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {

nlohmann::json saved_tokenizer(std::string_view type, const SpecialNames& names,
                               const SpecialTokens& ids) {
  nlohmann::json special = nlohmann::json::object();
  for (const SpecialRole& role : kSpecialRoles)
    if (!(names.*role.text).empty())
      special[std::string(role.key)] = {{"token", names.*role.text}, {"id", ids.*role.id}};
  return {{"format", 1}, {"type", type}, {"special", special}};
}

SpecialNames read_saved_names(const JsonView& saved, std::initializer_list<std::string_view> more) {
  if (saved.at("format").integer(0, 1 << 20) != 1)
    saved.at("format").fail("must be 1: the file comes from another version of lldm");
  std::vector<std::string_view> keys = {"format", "type", "special"};
  keys.insert(keys.end(), more);
  saved.only_keys(keys);
  const JsonView special = saved.at("special");
  special.only_keys({"mask", "end_of_text", "begin_of_text", "end_of_turn", "padding"});
  SpecialNames names;
  for (const SpecialRole& role : kSpecialRoles)
    if (const auto entry = special.find(role.key)) {
      entry->only_keys({"token", "id"});
      names.*role.text = entry->at("token").text();
    }
  return names;
}

void check_saved_ids(const JsonView& saved, const SpecialTokens& ids) {
  for (const SpecialRole& role : kSpecialRoles) {
    const auto entry = saved.at("special").find(role.key);
    if (!entry) continue;
    const JsonView id = entry->at("id");
    if (id.integer(0, std::numeric_limits<std::int64_t>::max()) != ids.*role.id)
      id.fail(message("is ", id.value().dump(), ", but the tokenizer gives \"",
                      entry->at("token").text(), "\" the id ", ids.*role.id));
  }
}

std::string saved_text(const nlohmann::json& saved) { return saved.dump(1) + "\n"; }

}  // namespace lldm
