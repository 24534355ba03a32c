// SPDX-License-Identifier: MIT
#include "train/part_report.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

using Json = nlohmann::json;

Json json_of(const PartReport& part) {
  Json metrics = Json::object();
  for (const auto& [name, mean] : part.metrics) metrics[name] = {mean.sum, mean.count};
  return {part.index,
          part.loss,
          part.tokens,
          part.loss_variance,
          part.passes.nominal,
          part.passes.evaluated,
          part.passes.extra,
          part.passes.reference,
          part.squared_error.sum,
          part.squared_error.count,
          part.noise_square,
          std::move(metrics)};
}

PartReport part_of(const Json& json) {
  PartReport part;
  part.index = json.at(0).get<std::size_t>();
  part.loss = json.at(1).get<double>();
  part.tokens = json.at(2).get<double>();
  part.loss_variance = json.at(3).get<double>();
  part.passes = {json.at(4).get<std::int64_t>(), json.at(5).get<std::int64_t>(),
                 json.at(6).get<std::int64_t>(), json.at(7).get<std::int64_t>()};
  part.squared_error = {json.at(8).get<double>(), json.at(9).get<double>()};
  part.noise_square = json.at(10).get<double>();
  for (const auto& [name, mean] : json.at(11).items())
    part.metrics[name] = {mean.at(0).get<double>(), mean.at(1).get<double>()};
  return part;
}

}  // namespace

std::string pack(const ShareReport& share) {
  Json parts = Json::array();
  for (const PartReport& part : share.parts) parts.push_back(json_of(part));
  const Json json = {std::move(parts), share.noise_squares, share.noise_count, share.last_norm,
                     share.wants_stop};
  std::string bytes;
  Json::to_cbor(json, bytes);  // text would lose NaN
  return bytes;
}

ShareReport unpack(const std::string& bytes) {
  const Json json = Json::from_cbor(bytes);
  ShareReport share;
  for (const Json& part : json.at(0)) share.parts.push_back(part_of(part));
  share.noise_squares = json.at(1).get<double>();
  share.noise_count = json.at(2).get<double>();
  share.last_norm = json.at(3).get<double>();
  share.wants_stop = json.at(4).get<bool>();
  return share;
}

void merge(std::map<std::string, Mean>& into, const std::map<std::string, Mean>& from) {
  for (const auto& [name, mean] : from) {
    into[name].sum += mean.sum;
    into[name].count += mean.count;
  }
}

ShareReport joined(const std::vector<std::string>& shares) {
  ShareReport all;
  for (std::size_t rank = 0; rank < shares.size(); ++rank) {
    ShareReport one = unpack(shares[rank]);
    if (rank == 0) all.last_norm = one.last_norm;
    // Different processors may round an update differently, and no more than that.
    if (std::abs(one.last_norm - all.last_norm) > 1e-3 * std::abs(all.last_norm))
      throw Error(
          message("the processes have drifted apart: the gradient norm of the step before "
                  "is ",
                  all.last_norm, " on rank 0 and ", one.last_norm, " on rank ", rank));
    for (PartReport& part : one.parts) all.parts.push_back(std::move(part));
    all.noise_squares += one.noise_squares;
    all.noise_count += one.noise_count;
    all.wants_stop = all.wants_stop || one.wants_stop;
  }
  std::sort(all.parts.begin(), all.parts.end(),
            [](const PartReport& a, const PartReport& b) { return a.index < b.index; });
  return all;
}

}  // namespace lldm
