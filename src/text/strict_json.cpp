// SPDX-License-Identifier: MIT
#include "text/strict_json.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <unordered_set>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {

using Json = nlohmann::json;

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path))
    throw DataError(message(path.string(), ": cannot open the file"));
  std::string text;
  std::vector<char> piece(1 << 16);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > max_bytes)
      throw DataError(message(path.string(), ": the file is larger than ", max_bytes, " bytes"));
  }
  if (file.bad()) throw DataError(message(path.string(), ": reading failed"));
  return text;
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) throw DataError(message(path.string(), ": writing failed"));
}

namespace {

/// Watches the parser's events for what it would accept in silence.
class StrictWatch {
 public:
  StrictWatch(const std::string& file, const JsonLimits& limits) : file_(file), limits_(limits) {}

  bool operator()(int, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (levels_.size() >= limits_.max_depth)
        throw DataError(
            message(file_, ": ", path(), ": JSON nested deeper than ", limits_.max_depth));
      levels_.emplace_back();
    } else if (event == Event::object_end || event == Event::array_end) {
      levels_.pop_back();
    } else if (event == Event::key) {
      auto& level = levels_.back();
      level.key = value.get_ref<const std::string&>();
      if (!level.keys.insert(level.key).second)
        throw DataError(message(file_, ": ", path(), ": the key appears twice"));
    }
    return true;
  }

 private:
  struct Level {
    std::string key;
    std::unordered_set<std::string> keys;
  };
  [[nodiscard]] std::string path() const {
    std::string text;
    for (const Level& level : levels_)
      if (!level.key.empty()) text += (text.empty() ? "" : ".") + level.key;
    return text.substr(0, 200);
  }

  const std::string& file_;
  const JsonLimits& limits_;
  std::vector<Level> levels_;
};

}  // namespace

Json parse_strict_json(std::string_view text, const std::string& file, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    throw DataError(message(file, ": the file is larger than ", limits.max_bytes, " bytes"));
  if (text.starts_with("\xEF\xBB\xBF"))
    throw DataError(message(file, ": the file begins with a byte order mark; JSON has none"));
  if (const auto at = text.find('\0'); at != std::string_view::npos)
    throw DataError(message(file, ": NUL byte at offset ", at));
  try {
    return Json::parse(text.begin(), text.end(), StrictWatch(file, limits));
  } catch (const Json::exception& error) {
    std::string what = error.what();
    if (const auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    throw DataError(message(file, ": not valid JSON\n  ", what.substr(0, 300)));
  }
}

void JsonView::fail(std::string_view what) const {
  throw DataError(message(*file_, ": ", path_.empty() ? "top level" : path_, ": ", what));
}

void JsonView::require_object() const {
  if (!value_->is_object()) fail(message("must be an object, is ", value_->type_name()));
}

void JsonView::require_array() const {
  if (!value_->is_array()) fail(message("must be an array, is ", value_->type_name()));
}

void JsonView::only_keys(std::span<const std::string_view> keys) const {
  require_object();
  for (const auto& [key, unused] : value_->items()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    std::string known;
    for (const std::string_view k : keys) known += (known.empty() ? "" : ", ") + std::string(k);
    fail(message("has the key \"", key.substr(0, 60),
                 "\", which lldm does not implement\n  keys: ", known));
  }
}

std::optional<JsonView> JsonView::find(std::string_view key) const {
  require_object();
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonView(*found, *file_, path_ + (path_.empty() ? "" : ".") + std::string(key));
}

JsonView JsonView::at(std::string_view key) const {
  if (auto found = find(key)) return *found;
  fail(message("the key \"", key, "\" is missing or null"));
}

JsonView JsonView::at(std::size_t index) const {
  return {value_->at(index), *file_, message(path_, "[", index, "]")};
}

const std::string& JsonView::text() const {
  if (!value_->is_string()) fail(message("must be a string, is ", value_->type_name()));
  return value_->get_ref<const std::string&>();
}

bool JsonView::boolean() const {
  if (!value_->is_boolean()) fail(message("must be true or false, is ", value_->type_name()));
  return value_->get<bool>();
}

std::int64_t JsonView::integer(std::int64_t low, std::int64_t high) const {
  const bool fits = value_->is_number_integer() &&
                    !(value_->is_number_unsigned() && value_->get<std::uint64_t>() >> 63 != 0);
  if (!fits || value_->get<std::int64_t>() < low || value_->get<std::int64_t>() > high)
    fail(message("must be an integer from ", low, " to ", high, ", is ",
                 value_->dump().substr(0, 40)));
  return value_->get<std::int64_t>();
}

}  // namespace lldm
