// SPDX-License-Identifier: MIT
#include "report/report_items.hpp"

#include <filesystem>
#include <sstream>

#include "lldm/draws/stream.hpp"
#include "lldm/objective/win.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

void add_item(const Json& item, std::map<std::string, std::map<std::string, double>>& values) {
  const std::string id = item.at("id").dump();
  if (item.contains("correct")) values["accuracy"][id] = item.at("correct").get<bool>() ? 1.0 : 0.0;
  if (item.contains("metrics"))
    for (const auto& [name, value] : item.at("metrics").items())
      if (value.is_number()) values[name][id] = value.get<double>();
  if (!item.contains("score_chosen")) return;
  const double chosen = item.at("score_chosen"), rejected = item.at("score_rejected");
  values["preference_accuracy"][id] = win(chosen, rejected);
  if (item.contains("tokens_chosen"))
    values["preference_accuracy_per_token"][id] =
        win(chosen / item.at("tokens_chosen").get<double>(),
            rejected / item.at("tokens_rejected").get<double>());
}

}  // namespace

const std::map<std::string, double>* ReportItems::of(const Json& row, const std::string& metric) {
  const auto path = row.value("items", std::string());
  if (path.empty()) return nullptr;
  auto file = files_.find(path);
  if (file == files_.end()) {
    file = files_.emplace(path, ByMetric()).first;
    if (std::filesystem::is_regular_file(path)) {
      std::istringstream lines(read_file(path));
      for (std::string line; std::getline(lines, line);) {
        const Json item = Json::parse(line, nullptr, false);
        if (item.is_object() && item.contains("id")) add_item(item, file->second);
      }
    }
  }
  const auto values = file->second.find(metric);
  return values == file->second.end() || values->second.empty() ? nullptr : &values->second;
}

std::optional<Interval> ReportItems::paired_difference(
    const std::vector<std::pair<const Json*, const Json*>>& pairs, const std::string& metric) {
  std::string key = metric;
  for (const auto& [mine, theirs] : pairs)
    key += "|" + mine->value("items", std::string()) + "|" + theirs->value("items", std::string());
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  std::map<std::string, std::pair<double, double>> sums;
  std::map<std::string, std::size_t> counts;
  for (const auto& [mine, theirs] : pairs) {
    const auto *a = of(*mine, metric), *b = of(*theirs, metric);
    if (!a || !b) return known_[key] = std::nullopt;
    for (const auto& [id, value] : *a) {
      const auto other = b->find(id);
      if (other == b->end()) continue;
      sums[id].first += value;
      sums[id].second += other->second;
      ++counts[id];
    }
  }
  std::vector<double> first, second;
  const auto seeds = static_cast<double>(pairs.size());
  for (const auto& [id, sum] : sums) {
    if (counts.at(id) != pairs.size()) continue;
    first.push_back(sum.first / seeds);
    second.push_back(sum.second / seeds);
  }
  if (first.size() < 2) return known_[key] = std::nullopt;
  return known_[key] = bootstrap_paired_difference(first, second,
                                                   Draws(0, "report").stream(Purpose::bootstrap));
}

}  // namespace lldm
