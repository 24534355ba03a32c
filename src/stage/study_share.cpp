// SPDX-License-Identifier: MIT
#include "stage/study_share.hpp"

#include <ATen/ops/empty.h>

#include <cstring>
#include <nlohmann/json.hpp>

namespace lldm {
namespace {

using Json = nlohmann::json;

Json json_of(const StudyRepeat& repeat) {
  const auto* bytes = static_cast<const char*>(repeat.gradient.const_data_ptr());
  return {repeat.policy,
          repeat.reference,
          repeat.losses,
          repeat.seconds,
          repeat.gradient.sizes().vec(),
          std::string(bytes, repeat.gradient.nbytes())};
}

StudyRepeat repeat_of(const Json& json) {
  StudyRepeat repeat{
      .policy = json.at(0).get<std::vector<double>>(),
      .reference = json.at(1).get<std::vector<double>>(),
      .losses = json.at(2).get<std::vector<double>>(),
      .gradient = at::empty(json.at(4).get<std::vector<std::int64_t>>(), at::kDouble),
      .seconds = json.at(3).get<double>()};
  const auto& bytes = json.at(5).get_ref<const std::string&>();
  std::memcpy(repeat.gradient.mutable_data_ptr(), bytes.data(), bytes.size());
  return repeat;
}

}  // namespace

std::string pack(const StudyShare& share) {
  Json repeats = Json::array();
  for (const StudyRepeat& repeat : share.repeats) repeats.push_back(json_of(repeat));
  const PassCounts& passes = share.passes;
  std::string bytes;
  Json::to_cbor({std::move(repeats), share.evaluated, passes.nominal, passes.evaluated,
                 passes.extra, passes.reference},
                bytes);
  return bytes;
}

StudyShare unpack_study(const std::string& bytes) {
  const Json json = Json::from_cbor(bytes);
  StudyShare share;
  for (const Json& repeat : json.at(0)) share.repeats.push_back(repeat_of(repeat));
  share.evaluated = json.at(1).get<std::vector<std::int64_t>>();
  share.passes = {json.at(2).get<std::int64_t>(), json.at(3).get<std::int64_t>(),
                  json.at(4).get<std::int64_t>(), json.at(5).get<std::int64_t>()};
  return share;
}

}  // namespace lldm
