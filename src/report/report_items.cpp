// SPDX-License-Identifier: MIT
#include "report/report_items.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "experiment/work_seal.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/paired_test.hpp"
#include "lldm/objective/win.hpp"
#include "lldm/storage/files.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;
using Values = ReportItems::Values;

/// An id says which row of its data was asked; what was asked says whether two are the same.
std::string identity(const Json& item) {
  Json parts = Json::array({item.at("id")});
  for (const char* key : {"prompt", "reference", "tokens_chosen", "tokens_rejected"})
    if (item.contains(key)) parts.push_back(item.at(key));
  return parts.dump();
}

void add_item(const Json& item, std::map<std::string, Values>& values) {
  const std::string id = identity(item);
  if (item.contains("correct")) values["accuracy"][id] = item.at("correct").get<bool>() ? 1.0 : 0.0;
  if (item.contains("metrics"))
    for (const auto& [name, value] : item.at("metrics").items())
      if (value.is_number()) values[name][id] = value.get<double>();
  if (!item.contains("score_chosen")) return;
  const double chosen = item.at("score_chosen").get<double>(),
               rejected = item.at("score_rejected").get<double>();
  values["preference_accuracy"][id] = win(chosen, rejected);
  if (item.contains("tokens_chosen"))
    values["preference_accuracy_per_token"][id] =
        win(chosen / item.at("tokens_chosen").get<double>(),
            rejected / item.at("tokens_rejected").get<double>());
}

/// The differences of one pair of rows, by item.
struct Differences {
  Values by_item;
  bool is_partial = false;  // one side has items that the other has not
};

Differences differences_of(const Values& a, const Values& b) {
  Differences result;
  for (const auto& [id, value] : a)
    if (const auto other = b.find(id); other != b.end())
      result.by_item.emplace(id, value - other->second);
  result.is_partial = result.by_item.size() != a.size() || result.by_item.size() != b.size();
  return result;
}

bool ask_the_same(const std::vector<Differences>& seeds) {
  return std::all_of(seeds.begin(), seeds.end(), [&](const Differences& seed) {
    return seed.by_item.size() == seeds.front().by_item.size() &&
           std::equal(seed.by_item.begin(), seed.by_item.end(), seeds.front().by_item.begin(),
                      [](const auto& x, const auto& y) { return x.first == y.first; });
  });
}

std::vector<double> values_of(const Values& by_item) {
  std::vector<double> values;
  for (const auto& [id, value] : by_item) values.push_back(value);
  return values;
}

PairedTest test_of(const std::vector<double>& sums) {
  PairedTest test;
  std::set<double> sizes;
  for (const double sum : sums) {
    test.up += sum > 0;
    test.down += sum < 0;
    if (sum != 0) sizes.insert(std::abs(sum));
  }
  test.compared = static_cast<std::int64_t>(sums.size());
  const auto flips = sizes.size() < 2 ? std::nullopt : sign_flip_test(sums);
  // Where all that differ do so by as much, the signs are all there is: McNemar's test.
  test.p = flips.value_or(mcnemar_exact(test.up, test.down));
  test.name = sizes.size() < 2 ? "exact McNemar" : flips ? "exact sign flips" : "exact sign test";
  return test;
}

/// The test and the interval of the seeds' differences.
void settle(ItemChange& result, const std::vector<Differences>& seeds) {
  std::vector<double> sums;
  std::vector<std::vector<double>> by_seed;
  for (const Differences& seed : seeds) by_seed.push_back(values_of(seed.by_item));
  const bool are_same = ask_the_same(seeds);
  for (const auto& values : by_seed)
    if (are_same && !sums.empty())
      std::transform(sums.begin(), sums.end(), values.begin(), sums.begin(), std::plus<>());
    else
      sums.insert(sums.end(), values.begin(), values.end());
  result.test = test_of(sums);
  if (std::all_of(sums.begin(), sums.end(), [&](double sum) { return sum == sums.front(); })) {
    result.why = sums.size() < 2
                     ? std::string("one item cannot be resampled")
                     : message("all ", sums.size(), " items differ alike: nothing to resample");
    return;
  }
  const Stream draws = Draws(0, "report").stream(Purpose::bootstrap);
  // Sums of halves are exact where their means over seeds are not: zero stays zero.
  const auto seeds_alike = static_cast<double>(are_same ? seeds.size() : 1);
  const Interval found =
      are_same ? bootstrap_paired_difference(sums, std::vector<double>(sums.size(), 0.0), draws)
               : bootstrap_over_seeds(by_seed, SeedResampling::items_within_seeds, draws);
  const auto settled = [&](double bound) {
    return std::abs(bound) < 1e-12 ? 0.0 : bound / seeds_alike;
  };
  result.interval = {settled(found.low), settled(found.high)};
}

}  // namespace

const ReportItems::File& ReportItems::file_of(const std::string& path) {
  if (const auto known = files_.find(path); known != files_.end()) return known->second;
  File& file = files_[path];
  const auto refuse = [&](const std::string& problem) {
    file = {{},
            message(std::filesystem::path(path).filename().string(), " of ",
                    std::filesystem::path(path).parent_path().filename().string(), " ", problem)};
  };
  if (!std::filesystem::is_regular_file(path)) {
    refuse("is not there");
    return file;
  }
  try {
    std::istringstream lines(read_sealed(path));
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      const Json item = Json::parse(line, nullptr, false);
      if (!item.is_object() || !item.contains("id")) {
        refuse(message("cannot be read: line ", number, " is no item"));
        return file;
      }
      add_item(item, file.values);
    }
  } catch (const nlohmann::json::exception& error) {
    refuse(message("cannot be read: ", error.what()));
  } catch (const FileError&) {
    refuse("cannot be read");
  }
  return file;
}

const Values* ReportItems::of(const ReportRow& row, const std::string& metric, std::string& why) {
  if (row.items.empty()) {
    why = message("the row of ", row.stage, " holds no items");
    return nullptr;
  }
  const File& file = file_of(row.items);
  const auto values = file.values.find(metric);
  if (!file.problem.empty())
    why = file.problem;
  else if (values == file.values.end() || values->second.empty())
    why = message("the items of ", row.stage, " have no ", metric);
  else
    return &values->second;
  return nullptr;
}

ItemChange ReportItems::change(const RowPairs& pairs, const std::string& metric) {
  std::string key = metric;
  for (const auto& [mine, theirs] : pairs) key += "|" + mine->items + "|" + theirs->items;
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  ItemChange& result = known_[key];
  std::vector<Differences> seeds;
  for (const auto& [mine, theirs] : pairs) {
    const Values *a = of(*mine, metric, result.why), *b = a ? of(*theirs, metric, result.why) : a;
    if (!a || !b) return result;
    seeds.push_back(differences_of(*a, *b));
    if (seeds.back().by_item.empty()) {
      result.why = "the two sides have no item in common";
      return result;
    }
    if (seeds.back().is_partial)
      result.why = message("of ", std::max(a->size(), b->size()), " items only ",
                           seeds.back().by_item.size(), " stand on both sides");
  }
  settle(result, seeds);
  return result;
}

}  // namespace lldm
