// SPDX-License-Identifier: MIT
// Evaluates score plans with a denoiser and pushes dLoss/dS back through it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/concepts/plan.hpp"
#include "lldm/concepts/score_set.hpp"
#include "lldm/score/gradient_path.hpp"
#include "lldm/score/pass_counts.hpp"

namespace lldm {

/// The plans of B groups of G answers, in order [b * G + g]; one micro-batch.
struct ScoreBatch {
  std::vector<ScorePlan> plans;
  /// Plans for the reference model where draws are not shared (ablation only); else empty.
  std::vector<ScorePlan> reference_plans;
  /// Plans whose scores an objective reads beside the groups' (ObjectiveNeeds::mismatched), one per
  /// group, scored without gradient by policy and reference; else empty.
  std::vector<ScorePlan> mismatched_plans;
  std::int64_t group_size = 1;
  /// [groups] of rows with one answer each: 1 where it is wanted, else 0.  Empty for other rows.
  std::vector<double> wanted = {};

  [[nodiscard]] std::int64_t groups() const {
    return static_cast<std::int64_t>(plans.size()) / group_size;
  }
};

/// What a step over one micro-batch did; `loss` is this micro-batch's share of the normalised loss.
struct EngineStep {
  double loss = 0;
  std::map<std::string, Mean> metrics;
  ScoreSet
      scores;  // detached, with the standard errors in auxiliary["standard_error"] (NaN: unknown)
  std::int64_t forwards = 0;  // sequences given to the policy, extra ones included
  std::int64_t tokens = 0;    // tokens given to the policy
  PassCounts passes;          // what was asked for and what was run
  /// [sum of queries] what the policy, and the reference where there is one, read.
  std::vector<double> readouts, reference_readouts;
};

/// `pairwise` evaluates at most so many copies of an answer together, unless it is told another
/// number: its memory must not grow with their number.
inline constexpr std::int64_t kPairwiseCopies = 4;
/// Its passes without a graph hold a block's tensors and not a model's: of a deep model they take
/// so many times more on the CPU, where a row's bits are its own (a product of 860 rows spends a
/// fifth of its time on putting its weights in order), and hold less all the same.  Elsewhere they
/// are packed as those with a graph, since only equal packs give equal bits.
[[nodiscard]] constexpr std::int64_t scoring_factor(std::int64_t layers, bool is_on_cpu) {
  constexpr std::int64_t kMost = 5, kLayersWorth = 3;
  return is_on_cpu ? std::clamp<std::int64_t>(layers / kLayersWorth, 1, kMost) : 1;
}

struct EngineOptions {
  /// Sequences are packed until this many tokens are in one forward; a longer one goes alone.
  std::int64_t max_tokens_per_forward = 16384;
  /// A model's own path never shows an id from here on (ids without a token); 0: every id is one.
  std::int64_t num_tokens = 0;
  /// Of `pairwise`.  Scores do not depend on it; gradients do in their last bits, as sums do.
  std::int64_t pairwise_copies = kPairwiseCopies;
  /// Of its passes without a graph, times those with one.
  std::int64_t scoring_factor = 1;
  /// Of a pass at most that is cut as memory has it: of `score`, `readouts` and reading a path that
  /// the model walks itself; 0: as those of a step.
  std::int64_t scored_tokens = 0;
  /// What goes back through the policy is so many times too large, and with it the gradient that a
  /// step leaves: small slopes survive products in float16.  Losses and scores do not show it.
  double loss_scale = 1;
  /// Told when `score` or `readouts` did not fit into memory, and go on with passes of at most so
  /// many tokens.
  std::function<void(std::int64_t tokens)> on_smaller_passes = {};
};

/// Loss of a score set, already normalised by the step's totals: the objective behind one
/// signature.
using LossFunction = std::function<ObjectiveResult(const ScoreSet&)>;

/// The reference's readouts [queries] of a plan, from a store that was filled before.
using StoredReadouts = std::function<std::vector<double>(const ScorePlan&)>;

/// The engine's body, compiled once over an erased evaluation (see ScoreEngine).
class ScoreEngineCore {
 public:
  /// Log-probabilities [Q] of `targets` at rows `positions` of the packed batch.
  using Evaluate = std::function<at::Tensor(const PackedTokens&, const at::Tensor& positions,
                                            const at::Tensor& targets)>;

  /// What is done with the rows of logits from `first` on: [q, V] on the model's device.
  using ReadLogits = std::function<void(std::int64_t first, const at::Tensor& logits)>;
  /// Reads the logits [Q, V] at rows `positions` of the packed batch, which are never there as a
  /// whole, for paths that the model walks itself.
  using Logits =
      std::function<void(const PackedTokens&, const at::Tensor& positions, const ReadLogits& read)>;
  struct Model {
    Evaluate log_probabilities;
    Logits logits;
    std::int64_t vocabulary_size = 0;
    explicit operator bool() const { return static_cast<bool>(log_probabilities); }
  };

  ScoreEngineCore(Model policy, Model reference, std::vector<NamedParameter> parameters,
                  std::string device, EngineOptions options);

  /// What every query of the plans reads [sum of queries], without a graph: one read-back.  A pass
  /// that does not fit into memory is done again in halves, and those behind it are as small.
  /// Errors  OutOfMemory where a copy by itself does not fit.
  [[nodiscard]] std::vector<double> readouts(std::span<const ScorePlan> plans,
                                             bool reference) const;

  EngineStep step(const ScoreBatch& batch, const StepTotals& totals, const ObjectiveNeeds& needs,
                  const LossFunction& loss, GradientPath path) const;

  /// The scores alone, policy and (where held) reference, without a graph.
  [[nodiscard]] ScoreSet score(const ScoreBatch& batch, const StepTotals& totals) const;
  [[nodiscard]] bool has_reference() const { return reference_ || stored_; }
  /// The forward passes of scoring a batch once, by policy and (where held) reference.
  [[nodiscard]] PassCounts passes(const ScoreBatch& batch) const;
  /// From now on the reference is what `stored` says: no reference model is asked.
  void use_stored_reference(StoredReadouts stored) { stored_ = std::move(stored); }
  [[nodiscard]] const EngineOptions& options() const { return options_; }
  void set_options(const EngineOptions& options) { options_ = options; }

  /// `read` of `logits` of some of the rows [Q, D] at a time: as many as a head scores at once.
  static void read_in_chunks(const at::Tensor& rows, std::int64_t vocabulary,
                             const std::function<at::Tensor(const at::Tensor&)>& logits,
                             const ReadLogits& read);
  /// Refuses plans that are none, naming who made them (score/plan_check.hpp).
  void check_plans(std::span<const ScorePlan> plans) const;

 private:
  void check_batch(const ScoreBatch& batch) const;
  /// Adds the readouts of plans to `parts`, where they were computed: nobody waited for them.
  void add_readouts(std::vector<at::Tensor>& parts, std::span<const ScorePlan> plans,
                    bool reference, std::int64_t most_copies = 0) const;
  struct Chunk;
  /// Copies of plans in passes of at most `most_tokens` tokens and, unless 0, `most_copies` copies.
  [[nodiscard]] static std::vector<Chunk> chunks(std::span<const ScorePlan> plans,
                                                 std::int64_t most_tokens,
                                                 std::int64_t most_copies = 0);
  /// Readouts of a chunk, in as many passes as memory asks for.
  void add_in_memory(std::vector<at::Tensor>& parts, const Chunk& chunk,
                     std::span<const ScorePlan> plans, bool reference) const;
  struct Packed;
  [[nodiscard]] Packed pack(const Chunk& chunk, std::span<const ScorePlan> plans) const;
  [[nodiscard]] at::Tensor on_device(const std::vector<std::int64_t>& values) const;
  at::Tensor evaluate(const Chunk& chunk, std::span<const ScorePlan> plans, bool reference) const;
  void read_logits(const Chunk& chunk, std::span<const ScorePlan> plans, bool reference,
                   const ReadLogits& read) const;
  [[nodiscard]] std::optional<ScoreBatch> on_own_path(const ScoreBatch& batch) const;
  [[nodiscard]] ScoreSet make_set(const ScoreBatch& batch, const at::Tensor& policy_readouts,
                                  const at::Tensor& reference_readouts,
                                  const StepTotals& totals) const;
  /// What an objective reads beside the scores: of mismatched answers, and which are wanted.
  [[nodiscard]] std::map<std::string, at::Tensor> auxiliary_of(const ScoreBatch& batch) const;
  /// Notes in `done` the passes and tokens of a step over `given`.
  void count(const ScoreBatch& given, const ObjectiveNeeds& needs, GradientPath path,
             EngineStep& done) const;
  // The policy's readouts on the host; the reference's, too, behind it.
  at::Tensor retain_or_linear(const ScoreBatch& batch, const StepTotals& totals,
                              const LossFunction& loss, at::Tensor& reference, bool linear) const;
  at::Tensor replay(const ScoreBatch& batch, const StepTotals& totals, const LossFunction& loss,
                    at::Tensor& reference) const;
  /// Pushes `sign` times dS/dtheta of one text into the parameters' gradients; the readouts.
  [[nodiscard]] std::vector<at::Tensor> back_propagate_score(const ScorePlan& plan,
                                                             double sign) const;
  at::Tensor pairwise(const ScoreBatch& batch, const StepTotals& totals,
                      const ObjectiveNeeds& needs, const LossFunction& loss,
                      at::Tensor& reference) const;

  /// Tokens of a pass of `readouts` and `walked` at most.
  [[nodiscard]] std::int64_t most_scored() const;
  /// The plans with the tokens that the model puts on its own paths (ScorePlan::path_uniforms);
  /// none where no plan is walked.
  [[nodiscard]] std::vector<ScorePlan> walked(std::span<const ScorePlan> plans,
                                              bool reference) const;

  Model policy_, reference_;
  StoredReadouts stored_;
  std::vector<NamedParameter> parameters_;
  std::string device_;
  EngineOptions options_;
  mutable std::int64_t scored_tokens_ = 0;  // of a scoring pass at most; 0: as the options say
};

/// How a plan is evaluated with a Denoiser, and how dLoss/dS goes back through it, by the four
/// gradient paths.  Only queried rows reach the head.  Gradients accumulate in the parameters'
/// `.grad`.
///
/// Cost    linear, retain: one forward and backward per copy; replay: one more forward; pairwise:
///         one forward and backward, `pairwise_buffers` times the trainable weights in memory.
/// Source  docs/definitions.md, "Gradient paths".
template <Denoiser D>
class ScoreEngine {
 public:
  ScoreEngine(std::shared_ptr<const D> policy, std::shared_ptr<const D> reference,
              std::string device = "cpu", EngineOptions options = {})
      : core_(evaluator(policy), reference ? evaluator(reference) : ScoreEngineCore::Model(),
              policy->parameters(), std::move(device), options) {}

  EngineStep step(const ScoreBatch& batch, const StepTotals& totals, const ObjectiveNeeds& needs,
                  const LossFunction& loss, GradientPath path) const {
    return core_.step(batch, totals, needs, loss, path);
  }
  [[nodiscard]] ScoreSet score(const ScoreBatch& batch, const StepTotals& totals = {}) const {
    return core_.score(batch, totals);
  }
  [[nodiscard]] bool has_reference() const { return core_.has_reference(); }
  [[nodiscard]] PassCounts passes(const ScoreBatch& batch) const { return core_.passes(batch); }
  void use_stored_reference(StoredReadouts stored) {
    core_.use_stored_reference(std::move(stored));
  }
  [[nodiscard]] const EngineOptions& options() const { return core_.options(); }
  /// From the next step on.
  void set_options(const EngineOptions& options) { core_.set_options(options); }
  /// What every query of the plans reads, without a graph.
  [[nodiscard]] std::vector<double> readouts(std::span<const ScorePlan> plans,
                                             bool reference) const {
    core_.check_plans(plans);
    return core_.readouts(plans, reference);
  }

 private:
  static ScoreEngineCore::Model evaluator(std::shared_ptr<const D> denoiser) {
    return {[denoiser](const PackedTokens& batch, const at::Tensor& positions,
                       const at::Tensor& targets) {
              return denoiser->log_probabilities(hidden_at(*denoiser, batch, positions), targets);
            },
            [denoiser](const PackedTokens& batch, const at::Tensor& positions,
                       const ScoreEngineCore::ReadLogits& read) {
              ScoreEngineCore::read_in_chunks(
                  hidden_at(*denoiser, batch, positions), denoiser->vocabulary_size(),
                  [&](const at::Tensor& rows) { return denoiser->logits(rows); }, read);
            },
            denoiser->vocabulary_size()};
  }
  ScoreEngineCore core_;
};

}  // namespace lldm
