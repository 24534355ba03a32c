// SPDX-License-Identifier: MIT
// One preference step: a pair of answers, its plans, policy and reference.
#pragma once

#include <memory>

#include "check.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/score/engine.hpp"

namespace lldm::gpu_check {

/// Sizes of the texts and of what is asked of them.
struct PairSize {
  std::int64_t pairs = 1, prompt = 10, response = 20, evaluations = 4;
  std::int64_t max_tokens_per_forward = 4096;
};

class PairProblem {
 public:
  PairProblem(std::shared_ptr<Transformer> policy, std::shared_ptr<Transformer> reference,
              const PairSize& size, std::string device);

  /// DPO, by `path`; linear: the likelihood of the answers.
  EngineStep step(GradientPath path) const;
  void clear_gradients() const;
  [[nodiscard]] std::vector<at::Tensor> gradients() const;
  /// Tokens that the policy reads in one step, and rows that reach the head.
  [[nodiscard]] double tokens() const { return tokens_; }
  [[nodiscard]] double queries() const { return queries_; }
  [[nodiscard]] const Transformer& policy() const { return *policy_; }

 private:
  std::shared_ptr<Transformer> policy_, reference_;
  ScoreBatch batch_;
  StepTotals totals_;
  std::string device_;
  EngineOptions options_;
  double tokens_ = 0, queries_ = 0;
};

/// LLaDA-8B's shape, or with `is_small` one for a rehearsal.
TransformerConfig large_config(bool is_small, std::int64_t layers);
/// That shape with random weights made where they lie, as fast as these can be written: of streamed
/// ones the first block's, copied to the others.
std::shared_ptr<Transformer> random_model(const TransformerConfig& config,
                                          const Precision& precision, at::Device device,
                                          const WeightPlacement& placement = {});
/// Operations of one forward pass: products alone.
double forward_flops(const TransformerConfig& config, double tokens, double length, double queries);

}  // namespace lldm::gpu_check
