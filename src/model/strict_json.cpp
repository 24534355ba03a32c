// SPDX-License-Identifier: MIT
#include "model/strict_json.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr int kMaxDepth = 64;

// Refuses what nlohmann's parser would accept in silence: deep nesting and repeated keys.
class Guard {
 public:
  explicit Guard(const std::string& where) : where_(where) {}

  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth)
      throw DataError(message(where_, ": JSON is nested deeper than ", kMaxDepth, " levels"));
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second)
      throw DataError(message(where_, ": the key ", parsed.dump(), " appears twice in one object"));
    return true;
  }

 private:
  std::string where_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, const std::string& where) {
  try {
    Guard guard(where);
    return nlohmann::json::parse(
        text.begin(), text.end(),
        [&guard](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
          return guard(depth, event, parsed);
        });
  } catch (const nlohmann::json::exception& error) {
    throw DataError(message(where, ": not valid JSON\n  ", error.what()));
  }
}

std::string read_text_file(const std::string& path, std::size_t max_bytes) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure))
    throw DataError(message(path, ": no such file"));
  const auto size = std::filesystem::file_size(path, failure);
  if (failure || size > max_bytes)
    throw DataError(message(path, ": larger than the limit of ", max_bytes, " bytes"));
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad() || text.size() != size) throw DataError(message(path, ": cannot be read"));
  return text;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& valid) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : valid) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = row[0]++;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t above = row[j + 1];
        row[j + 1] =
            std::min({above + 1, row[j] + 1, diagonal + (name[i] != candidate[j] ? 1 : 0)});
        diagonal = above;
      }
    }
    if (row.back() < best_distance) best_distance = row.back(), best = candidate;
  }
  return best;
}

}  // namespace lldm
