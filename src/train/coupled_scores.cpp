// SPDX-License-Identifier: MIT
#include "train/coupled_scores.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace lldm {
namespace {

using Json = nlohmann::json;

Json json_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  const at::Tensor values = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* data = values.const_data_ptr<double>();
  return {values.sizes().vec(), std::vector<double>(data, data + values.numel())};
}

at::Tensor tensor_of(const Json& json) {
  if (json.is_null()) return {};
  return at::tensor(json.at(1).get<std::vector<double>>(), at::kDouble)
      .view(json.at(0).get<std::vector<std::int64_t>>());
}

std::string pack(const ScoreSet& set) {
  Json auxiliary = Json::object();
  for (const auto& [name, values] : set.auxiliary) auxiliary[name] = json_of(values);
  std::string bytes;
  Json::to_cbor({json_of(set.policy), json_of(set.reference), json_of(set.parts),
                 json_of(set.reference_parts), json_of(set.lengths), std::move(auxiliary)},
                bytes);
  return bytes;
}

ScoreSet unpack(const std::string& bytes) {
  const Json json = Json::from_cbor(bytes);
  ScoreSet set;
  set.policy = tensor_of(json.at(0));
  set.reference = tensor_of(json.at(1));
  set.parts = tensor_of(json.at(2));
  set.reference_parts = tensor_of(json.at(3));
  set.lengths = tensor_of(json.at(4));
  for (const auto& [name, values] : json.at(5).items()) set.auxiliary[name] = tensor_of(values);
  return set;
}

/// Behind one another; what lies beside evaluations has the width of the widest, zero-padded.
at::Tensor joined(std::vector<at::Tensor> pieces) {
  std::int64_t width = 0;
  for (const at::Tensor& piece : pieces) {
    if (!piece.defined()) return {};
    if (piece.dim() == 3) width = std::max(width, piece.size(2));
  }
  for (at::Tensor& piece : pieces)
    if (piece.dim() == 3 && piece.size(2) < width)
      piece = at::constant_pad_nd(piece, {0, width - piece.size(2)});
  return at::cat(pieces);
}

}  // namespace

void CoupledScores::gather(const ScoreSet* own) {
  const std::vector<std::string> all =
      group_.agree([&] { return own ? pack(*own) : std::string(); });
  for (const std::string& bytes : all)
    sets_.push_back(bytes.empty() ? std::nullopt : std::optional(unpack(bytes)));
}

void CoupledScores::none() {
  if (sets_.empty()) gather(nullptr);
}

ScoreSet CoupledScores::whole(const ScoreSet& own) {
  if (sets_.empty()) gather(&own);
  const auto rank = static_cast<std::size_t>(group_.rank());
  std::vector<const ScoreSet*> sets;
  std::set<std::string> names;  // what the objective reads was there when the scores were gathered
  for (std::size_t r = 0; r < sets_.size(); ++r) {
    if (!sets_[r]) continue;
    for (const auto& [name, values] : sets_[r]->auxiliary) names.insert(name);
    sets.push_back(r == rank ? &own : &*sets_[r]);
  }
  const auto join = [&](auto part) {
    std::vector<at::Tensor> pieces;
    for (const ScoreSet* set : sets) pieces.push_back(part(*set));
    return joined(std::move(pieces));
  };
  ScoreSet whole;
  whole.policy = join([](const ScoreSet& set) { return set.policy; });
  whole.reference = join([](const ScoreSet& set) { return set.reference; });
  whole.parts = join([](const ScoreSet& set) { return set.parts; });
  whole.reference_parts = join([](const ScoreSet& set) { return set.reference_parts; });
  whole.lengths = join([](const ScoreSet& set) { return set.lengths; });
  for (const std::string& name : names)
    if (const at::Tensor values = join([&](const ScoreSet& set) {
          const auto found = set.auxiliary.find(name);
          return found == set.auxiliary.end() ? at::Tensor() : found->second;
        });
        values.defined())
      whole.auxiliary[name] = values;
  whole.totals = own.totals;
  return whole;
}

}  // namespace lldm
