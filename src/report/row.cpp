// SPDX-License-Identifier: MIT
#include "report/row.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "text/json.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& entry, const char* key) { return entry.value(key, std::string()); }

/// Nothing where there is no such figure; NaN or infinity where it was measured and is not finite.
std::optional<double> number_of(const std::string& metric, const Json& value) {
  // Of these null says that there is no such figure; of all others, that it was no number.
  static constexpr std::array<std::string_view, 6> kMayBeUnknown = {
      "bias",      "bias_standard_error",         "elbo_bias", "elbo_bias_standard_error",
      "loss_bias", "policy_reference_correlation"};
  using Limits = std::numeric_limits<double>;
  if (value.is_number()) return value.get<double>();
  if (value == "Infinity") return Limits::infinity();
  if (value == "-Infinity") return -Limits::infinity();
  const bool is_nan =
      value == "NaN" || (value.is_null() && std::find(kMayBeUnknown.begin(), kMayBeUnknown.end(),
                                                      metric) == kMayBeUnknown.end());
  return is_nan ? std::optional(Limits::quiet_NaN()) : std::nullopt;
}

std::map<std::string, Figure> figures_of(const Json& metrics) {
  std::map<std::string, Figure> figures;
  for (const auto& [name, value] : metrics.get_ref<const Json::object_t&>())
    if (const auto number = number_of(name, value)) figures[name].value = *number;
  const auto value_of = [&](const std::string& name) {
    const auto found = figures.find(name);
    return found == figures.end() ? std::nullopt : std::optional(found->second.value);
  };
  for (auto& [name, figure] : figures) {
    figure.items = value_of(is_of_held_out_pairs(name) ? "held_out_pairs" : "items");
    if (const auto kind = metrics.find(name + "_interval"); kind != metrics.end())
      figure.interval_name = kind->is_string() ? kind->get<std::string>() : "";
    figure.standard_error = value_of(name + "_standard_error");
    const auto low = value_of(name + "_low"), high = value_of(name + "_high");
    if (low && high && *low < *high) figure.interval = {*low, *high};
  }
  return figures;
}

}  // namespace

bool is_of_held_out_pairs(std::string_view metric) {
  static constexpr std::array<std::string_view, 5> kOfPairs = {
      "held_out_reward_accuracy", "score_sd", "log_ratio_sd", "margin_sd",
      "policy_reference_correlation"};
  return std::find(kOfPairs.begin(), kOfPairs.end(), metric) != kOfPairs.end();
}

const Figure* ReportRow::find(const std::string& metric) const {
  const auto found = metrics.find(metric);
  return found == metrics.end() ? nullptr : &found->second;
}

ReportRow row_of(Json source) {
  ReportRow row;
  row.stage = source.at("stage").get<std::string>();
  row.evaluated_by = source.at("evaluated_by").get<std::string>();
  row.seed = json_integer(source.at("seed"));
  row.axes = source.at("axes").get_ref<const Json::object_t&>();
  row.metrics = figures_of(source.at("metrics"));
  for (const auto& [text, key] :
       {std::pair(&row.role, "role"), std::pair(&row.starts_from, "starts_from"),
        std::pair(&row.estimator, "estimator"), std::pair(&row.hash, "hash"),
        std::pair(&row.settings, "settings"), std::pair(&row.evaluation, "evaluation"),
        std::pair(&row.model_hash, "model_hash"), std::pair(&row.from_hash, "from_hash"),
        std::pair(&row.items, "items")})
    *text = text_of(source, key);
  for (const Json& item : source.value("examples", Json::array()))
    row.examples.push_back({item.at("prompt").get<std::string>(),
                            item.at("output").get<std::string>(), item.at("correct").get<bool>()});
  row.truth_draws = source.value("truth_draws", std::int64_t{0});
  row.runs = source.value("runs", std::vector<std::string>());
  row.source = std::move(source);
  return row;
}

ReportWork work_of(Json source) {
  ReportWork work;
  work.stage = source.at("stage").get<std::string>();
  work.axes = source.at("axes").get_ref<const Json::object_t&>();
  if (source.contains("seed")) work.seed = json_integer(source.at("seed"));
  for (const auto& [text, key] : {std::pair(&work.model, "model"), std::pair(&work.hash, "hash"),
                                  std::pair(&work.folder, "folder"), std::pair(&work.run, "run"),
                                  std::pair(&work.error, "error")})
    *text = text_of(source, key);
  work.source = std::move(source);
  return work;
}

}  // namespace lldm
