// SPDX-License-Identifier: MIT
// The laws of shared and repeatable draws, on what a run really did: plans as an estimator gave
// them, tokens as the models read them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lldm/errors.hpp"
#include "support/engine_world.hpp"
#include "support/estimator_laws.hpp"

namespace lldm::testing {

/// Plans by text, in the order in which they were asked for: one an epoch where every text is of
/// one answer.
using PlanLog = std::map<std::vector<std::int64_t>, std::vector<ScorePlan>>;

inline std::vector<std::int64_t> tokens_of(const Text& text) {
  std::vector<std::int64_t> tokens = text.prompt;
  tokens.insert(tokens.end(), text.response.begin(), text.response.end());
  return tokens;
}

/// Any estimator, with a log of the plans that it gave.
struct RecordingEstimator {
  AnyScoreEstimator inner;
  std::shared_ptr<PlanLog> log = std::make_shared<PlanLog>();

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const {
    ScorePlan plan = inner.plan(text, process, draws);
    (*log)[tokens_of(text)].push_back(plan);
    return plan;
  }
  [[nodiscard]] Target target(std::int64_t scored) const { return inner.target(scored); }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return inner.nominal_copies(scored);
  }
  [[nodiscard]] bool reads_schedule() const { return inner.reads_schedule(); }
  [[nodiscard]] std::optional<Adaptation> adaptation() const { return inner.adaptation(); }
  [[nodiscard]] RecordingEstimator at(std::int64_t evaluations) const {
    return {inner.at(evaluations), log};
  }
};
static_assert(ScoreEstimator<RecordingEstimator>);

/// Everything of two plans, the figures that only metrics read included.
inline bool identical_plans(const ScorePlan& a, const ScorePlan& b) {
  return same_plan(a, b) && a.queries.size() == b.queries.size() && a.slot == b.slot &&
         a.asked == b.asked && a.noised == b.noised && a.times == b.times &&
         a.path_uniforms == b.path_uniforms && a.replicate_constants == b.replicate_constants &&
         a.sharpness == b.sharpness && a.readout == b.readout && a.combination == b.combination &&
         a.attention == b.attention;
}

/// Law: two runs over the same rows draw bit-equal plans, whatever else differs between them.
inline std::string plans_failure(const PlanLog& a, const PlanLog& b) {
  if (a.size() != b.size()) return message(a.size(), " texts were scored, then ", b.size());
  for (const auto& [text, plans] : a) {
    const auto others = b.find(text);
    if (others == b.end()) return "a text was scored in one run only";
    if (others->second.size() != plans.size())
      return message("a text was planned ", plans.size(), " times, then ", others->second.size());
    for (std::size_t i = 0; i < plans.size(); ++i)
      if (!identical_plans(plans[i], others->second[i]))
        return message("plan ", i, " of a text differs");
  }
  return "";
}

/// A toy table with a log of every token it was given.
class WatchedDenoiser {
 public:
  explicit WatchedDenoiser(ToyTable table, bool is_trainable)
      : inner_(std::move(table), is_trainable) {}
  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    const at::Tensor tokens = batch.tokens.contiguous();
    seen_->insert(seen_->end(), tokens.const_data_ptr<std::int64_t>(),
                  tokens.const_data_ptr<std::int64_t>() + tokens.numel());
    return inner_.hidden(batch);
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return inner_.log_probabilities(rows, targets);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const { return inner_.logits(rows); }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return inner_.parameters(); }
  [[nodiscard]] std::int64_t vocabulary_size() const { return inner_.vocabulary_size(); }
  [[nodiscard]] const std::vector<std::int64_t>& seen() const { return *seen_; }

 private:
  TableDenoiser inner_;
  std::shared_ptr<std::vector<std::int64_t>> seen_ = std::make_shared<std::vector<std::int64_t>>();
};
static_assert(Denoiser<WatchedDenoiser>);

/// What policy and reference read in one step that claims to share its draws, both being the same
/// model, each evaluated once.
struct SharingWitness {
  std::vector<std::int64_t> policy_tokens, reference_tokens;
  double largest_difference = 0;  // of policy and reference scores, nats
};

/// Law: policy and reference read the same copies, and equal models differ by exactly nothing.
inline std::string sharing_failure(const SharingWitness& witness) {
  if (witness.policy_tokens.empty()) return "nothing was read";
  if (witness.policy_tokens != witness.reference_tokens)
    return "policy and reference read different noised copies";
  if (witness.largest_difference != 0.0)
    return message("equal models differ by ", witness.largest_difference, " nats");
  return "";
}

/// The witness of an engine step over pairs; `make` is (texts, estimator) -> ScoreBatch.
template <class MakeBatch>
SharingWitness engine_witness(const MakeBatch& make, const AnyScoreEstimator& estimator) {
  const auto policy = std::make_shared<WatchedDenoiser>(ToyTable(3, 4, 1), true);
  const auto reference = std::make_shared<WatchedDenoiser>(ToyTable(3, 4, 1), false);
  const ScoreEngine<WatchedDenoiser> engine(policy, reference);
  std::vector<Text> texts = toy_texts(4, 2);
  Stream stream = Draws(1, "orders").stream(Purpose::data);
  for (Text& text : texts)
    text.reveal_step = stream.permutation(static_cast<std::int64_t>(text.response.size()));
  const ScoreSet set = engine.score(make(texts, estimator));
  return {policy->seen(), reference->seen(),
          (set.policy - set.reference).abs().max().item<double>()};
}

/// Pairs as the trainer plans them: one plan for both models.
struct SharedDraws {
  [[nodiscard]] ScoreBatch operator()(const std::vector<Text>& texts,
                                      const AnyScoreEstimator& estimator) const {
    return toy_batch(texts, 2, estimator);
  }
};

/// Unshared draws claimed shared: the reference's plans are drawn once more, from another seed.
struct UnsharedClaimedShared {
  [[nodiscard]] ScoreBatch operator()(const std::vector<Text>& texts,
                                      const AnyScoreEstimator& estimator) const {
    ScoreBatch batch = toy_batch(texts, 2, estimator, 1);
    batch.reference_plans = toy_batch(texts, 2, estimator, 2).plans;
    return batch;
  }
};

}  // namespace lldm::testing
