// SPDX-License-Identifier: MIT
#include "pair_problem.hpp"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <map>
#include <string>

#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/schedule/linear.hpp"

namespace lldm::gpu_check {

PairProblem::PairProblem(std::shared_ptr<Transformer> policy,
                         std::shared_ptr<Transformer> reference, const PairSize& size,
                         std::string device)
    : policy_(std::move(policy)),
      reference_(std::move(reference)),
      device_(std::move(device)),
      options_{.max_tokens_per_forward = size.max_tokens_per_forward} {
  batch_.group_size = 2;
  const std::int64_t ids = policy_->config().vocabulary - 1;
  const MaskedProcess process(ids, LinearSchedule());
  const FullTrajectory estimator({.steps = size.evaluations});
  const Draws draws(3, "gpu_check");
  Stream tokens_of = draws.stream(Purpose::data);
  for (std::int64_t i = 0; i < 2 * size.pairs; ++i) {
    Text text;
    for (std::int64_t k = 0; k < size.prompt; ++k) text.prompt.push_back(tokens_of.below(ids));
    for (std::int64_t k = 0; k < size.response; ++k) text.response.push_back(tokens_of.below(ids));
    batch_.plans.push_back(
        estimator.plan(text, process,
                       TextDraws(draws, Purpose::noise, 0, static_cast<std::uint64_t>(i / 2),
                                 static_cast<std::uint64_t>(i % 2))));
    const ScorePlan& plan = batch_.plans.back();
    queries_ += static_cast<double>(plan.queries.size());
    tokens_ += static_cast<double>(plan.copies() * plan.length);
  }
  totals_.groups = static_cast<double>(size.pairs);
  totals_.rows = static_cast<double>(2 * size.pairs);
  totals_.tokens = static_cast<double>(2 * size.pairs * size.response);
  totals_.first_tokens = static_cast<double>(size.pairs * size.response);
}

EngineStep PairProblem::step(GradientPath path) const {
  const ScoreEngine<Transformer> engine(policy_, reference_, device_, options_);
  if (path == GradientPath::linear) {
    ScoreBatch answers = batch_;
    answers.group_size = 1;
    const Sft sft{Sft::Options()};
    return engine.step(
        answers, totals_, sft.needs(), [&](const ScoreSet& set) { return sft.evaluate(set); },
        path);
  }
  const Dpo dpo({.beta = 0.2});
  return engine.step(
      batch_, totals_, dpo.needs(), [&](const ScoreSet& set) { return dpo.evaluate(set); }, path);
}

void PairProblem::clear_gradients() const {
  for (const auto& p : policy_->parameters())
    if (p.value.requires_grad()) at::Tensor(p.value).mutable_grad() = at::Tensor();
}

std::vector<at::Tensor> PairProblem::gradients() const {
  std::vector<at::Tensor> list;
  for (const auto& p : policy_->parameters())
    if (p.value.requires_grad()) list.push_back(p.value.grad());
  return list;
}

TransformerConfig large_config(bool is_small, std::int64_t layers) {
  TransformerConfig config = family_defaults("llada");
  config.layers = layers;
  config.width = is_small ? 64 : 4096;
  config.heads = config.kv_heads = is_small ? 4 : 32;
  config.mlp_width = is_small ? 192 : 12288;
  config.vocabulary = config.logit_columns = is_small ? 512 : 126464;
  config.max_length = is_small ? 128 : 4096;
  return config;
}

namespace {

void fill_randomly(const NamedParameter& parameter) {
  at::Tensor value = parameter.value;
  if (parameter.name.ends_with(".nested_absmax"))
    value.fill_(0.01), value.select(0, 0).fill_(0.03);
  else if (value.scalar_type() == at::kByte)
    value.random_(0, 256);  // codes
  else if (value.scalar_type() == at::kChar)
    value.random_(-127, 128);
  else if (parameter.name.ends_with(".absmax"))
    value.fill_(0.05);
  else if (value.dim() == 1)
    value.fill_(1);
  else
    value.normal_(0, 1 / std::sqrt(static_cast<double>(value.size(1))));
}

/// The name without the number of a block: "model.transformer.blocks.#.q_proj.weight".
std::string place_of(const std::string& name) {
  std::string place;
  for (const char c : name)
    if (c < '0' || c > '9')
      place += c;
    else if (place.empty() || place.back() != '#')
      place += '#';
  return place;
}

}  // namespace

std::shared_ptr<Transformer> random_model(const TransformerConfig& config,
                                          const Precision& precision, at::Device device,
                                          const WeightPlacement& placement) {
  auto model = std::make_shared<Transformer>(config, precision, device, placement);
  const c10::NoGradGuard guard;
  std::map<std::string, at::Tensor> first;
  for (const NamedParameter& parameter : model->base_parameters()) {
    const auto [found, is_new] = first.emplace(place_of(parameter.name), parameter.value);
    if (is_new || !placement.is_streamed())
      fill_randomly(parameter);
    else
      at::Tensor(parameter.value).copy_(found->second);
  }
  return model;
}

double forward_flops(const TransformerConfig& config, double tokens, double length,
                     double queries) {
  const auto width = static_cast<double>(config.width);
  const double weights = 2 * width * static_cast<double>(config.query_width() + config.kv_width()) +
                         3 * width * static_cast<double>(config.mlp_width);
  return static_cast<double>(config.layers) * tokens * (2 * weights + 4 * length * width) +
         2 * queries * width * static_cast<double>(config.logit_columns);
}

}  // namespace lldm::gpu_check
