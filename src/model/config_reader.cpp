// SPDX-License-Identifier: MIT
#include "model/config_reader.hpp"

#include <algorithm>

#include "lldm/config/value.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/nearest_name.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {

ConfigReader::ConfigReader(nlohmann::json values, std::string where, std::string title)
    : values_(std::move(values)), where_(std::move(where)), title_(std::move(title)) {}

std::int64_t ConfigReader::size(const char* key, std::optional<std::int64_t> fallback) {
  const auto value = whole(key);
  if (value && *value >= 1 && *value <= kMaxModelSize) return *value;
  if (!value && fallback && is_absent(key)) return *fallback;
  complain(key, is_absent(key) ? "is missing"
                               : message("must be a whole number from 1 to ", kMaxModelSize,
                                         ", got ", text(key)));
  return 1;
}

std::optional<std::int64_t> ConfigReader::token(const char* key) {
  if (is_absent(key)) return {};
  if (values_[key].is_array() && key == std::string_view("eos_token_id")) return first_token(key);
  const auto value = whole(key);
  if (value && *value >= 0 && *value < kMaxModelSize) return value;
  complain(key, message("must be a token id, from 0 to ", kMaxModelSize - 1, ", got ", text(key)));
  return {};
}

double ConfigReader::positive(const char* key, double fallback) {
  if (is_absent(key)) return fallback;
  if (values_[key].is_number() && values_[key].get<double>() > 0) return values_[key].get<double>();
  complain(key, "must be a positive number, got " + text(key));
  return fallback;
}

bool ConfigReader::flag(const char* key, bool fallback) {
  if (is_absent(key)) return fallback;
  if (!values_[key].is_boolean()) complain(key, "must be true or false, got " + text(key));
  return values_[key] == true;
}

void ConfigReader::require(const char* key, const nlohmann::json& value) {
  if (!is_absent(key) && values_[key] != value)
    complain(key, "= " + text(key) + " is not implemented; implemented: " + value.dump());
}

void ConfigReader::require_any(const char* key, std::initializer_list<const char*> values) {
  if (is_absent(key)) return;
  std::string list;
  for (const char* value : values) {
    if (values_[key] == value) return;
    list += std::string(list.empty() ? "\"" : ", \"") + value + "\"";
  }
  complain(key, "= " + text(key) + " is not implemented; implemented: " + list);
}

void ConfigReader::accept(std::initializer_list<const char*> keys) {
  used_.insert(used_.end(), keys.begin(), keys.end());
}

bool ConfigReader::is_absent(const char* key) {
  used_.emplace_back(key);
  return !values_.contains(key) || values_[key].is_null();
}

const nlohmann::json& ConfigReader::at(const char* key) {
  used_.emplace_back(key);
  return values_.at(key);
}

void ConfigReader::complain(const std::string& key, const std::string& what) {
  complaints_ += "\n  \"" + key + "\" " + what;
}

void ConfigReader::finish() {
  for (const auto& item : values_.items())
    if (std::ranges::find(used_, item.key()) == used_.end()) {
      const auto near = nearest_name(item.key(), used_);
      complaints_ += "\n  key " + config::in_quotes(item.key()) + " is not one of a " + title_ +
                     " config" + (near ? "; did you mean \"" + *near + "\"?" : "");
    }
  if (!complaints_.empty())
    throw DataError(where_ + ": not a model that lldm can run" + complaints_);
}

// Of a list of ids (eos_token_id of some models) the first; all must be ids.
std::optional<std::int64_t> ConfigReader::first_token(const char* key) {
  for (const auto& id : values_[key])
    if (!id.is_number_integer() || id < 0) {
      complain(key, "must be a token id or a list of them, got " + text(key));
      return {};
    }
  if (values_[key].empty()) return {};
  return values_[key].front().get<std::int64_t>();
}

std::optional<std::int64_t> ConfigReader::whole(const char* key) {
  if (is_absent(key) || !values_[key].is_number_integer()) return {};
  if (values_[key].is_number_unsigned() && values_[key].get<std::uint64_t>() >> 63 != 0) return {};
  return values_[key].get<std::int64_t>();
}

std::string ConfigReader::text(const char* key) {
  return values_[key].is_structured() ? std::string(values_[key].type_name())
                                      : shortened(values_[key].dump(), 60);
}

}  // namespace lldm
