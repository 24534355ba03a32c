// SPDX-License-Identifier: MIT
// A study stage: what a score costs, how biased and how noisy it is, estimator by estimator.
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>

#include "experiment/work_names.hpp"
#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/study_options.hpp"
#include "stage/data_source.hpp"
#include "stage/kinds.hpp"
#include "stage/mask_in_data.hpp"
#include "stage/memory_given.hpp"
#include "stage/score_labels.hpp"
#include "stage/shared_rows.hpp"
#include "stage/study_moments.hpp"
#include "stage/study_share.hpp"
#include "stage/study_truth.hpp"
#include "train/score_metrics.hpp"

namespace lldm {
namespace {

void clear_gradients(const std::vector<NamedParameter>& parameters) {
  for (const NamedParameter& parameter : parameters) {
    at::Tensor value = parameter.value;
    value.mutable_grad() = at::Tensor();
  }
}

/// Of the tensor that is followed, float64; one zero where it has none.
at::Tensor followed_gradient(const std::vector<NamedParameter>& parameters) {
  const at::Tensor gradient = followed_parameter(parameters).value.grad();
  return gradient.defined() ? gradient.detach().to(at::kCPU, at::kDouble).contiguous()
                            : at::zeros({1}, at::kDouble);
}

/// The loss of every pair alone, at given scores.
std::vector<double> pair_losses(const Study& study, const std::vector<double>& policy,
                                const std::vector<double>& reference) {
  std::vector<double> losses;
  for (std::size_t b = 0; b < study.pairs.size(); ++b) {
    const auto pair = [&](const std::vector<double>& values) {
      return at::tensor(std::vector<double>{values[2 * b], values[2 * b + 1]}, at::kDouble)
          .view({1, 2});
    };
    const auto& answers = study.pairs[b].answers;
    ScoreSet set;
    set.policy = pair(policy);
    set.reference = pair(reference);
    set.lengths = at::tensor(std::vector<double>{static_cast<double>(answers[0].num_scored()),
                                                 static_cast<double>(answers[1].num_scored())},
                             at::kDouble)
                      .view({1, 2});
    set.totals = totals_of(std::span(&study.pairs[b], 1));
    losses.push_back(study.loss()(set).loss_sum.item<double>());
  }
  return losses;
}

/// One repeat, and what is read of it beside its moments.
struct MeasuredRepeat {
  StudyRepeat repeat;
  PassCounts passes;
  ScoreNoise noise;
};

MeasuredRepeat measure_once(const Study& study, const AnyScoreEstimator& estimator,
                            std::int64_t repeat) {
  const std::vector<std::uint64_t> ids = study.ids();
  const std::string where = message(" in repeat ", repeat + 1);
  const auto begin = std::chrono::steady_clock::now();
  // Repeat 0 is the truth's.
  const ScoreBatch batch = study.plans(estimator, repeat + 1);
  clear_gradients(study.parameters);
  const EngineStep step = study.engine.step(batch, totals_of(study.pairs), study.objective.needs(),
                                            study.loss(), GradientPath::retain);
  require_finite_scores(batch, step.scores, ids, study.labels, where);
  require_finite_loss(step.loss, step.scores, study.loss(), ids, study.labels, where);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::vector<double> policy = flat(step.scores.policy),
                            reference = flat(step.scores.reference);
  return {{policy, reference, pair_losses(study, policy, reference),
           followed_gradient(study.parameters), seconds},
          step.passes,
          score_noise(step, batch, study.loss())};
}

/// All repeats of one estimator, in turn over the processes; one of adaptive cost follows its rule
/// from repeat to repeat, in one process.
StudyMoments measure(const Study& study, const AnyScoreEstimator& estimator, PassCounts& passes,
                     const std::function<void()>& tick) {
  StudyMoments moments(study.pairs.size());
  const std::optional<Adaptation> rule = estimator.adaptation();
  AdaptationState state{.evaluations = rule ? rule->min : 0};
  const auto repeats = static_cast<std::size_t>(study.stage.repeats);
  const auto work = [&](std::size_t begin, std::size_t end) {
    StudyShare done;
    for (std::size_t repeat = begin; repeat < end; ++repeat) {
      stop_if_asked(study.run, study.work);
      MeasuredRepeat one = measure_once(study, rule ? estimator.at(state.evaluations) : estimator,
                                        static_cast<std::int64_t>(repeat));
      if (rule && one.noise.num_errors > 0)
        state = next_evaluations(*rule, state, one.noise.squared_error);
      done.repeats.push_back(std::move(one.repeat));
      done.evaluated.push_back(one.passes.evaluated);
      done.passes += one.passes;
      if (rule) tick();
    }
    return pack(done);
  };
  const auto take = [&](const std::string& bytes) {
    StudyShare done = unpack_study(bytes);
    for (std::size_t i = 0; i < done.repeats.size(); ++i) {
      moments.add(std::move(done.repeats[i]));
      moments.add_passes(done.evaluated[i]);
      if (!rule) tick();
    }
    passes += done.passes;
  };
  if (rule)
    share_rows(
        study.run.options.group.get(), 1, 1,
        [&](std::size_t, std::size_t) { return work(0, repeats); }, take);
  else
    share_rows(study.run.options.group.get(), repeats, 1, work, take);
  clear_gradients(study.parameters);
  return moments;
}

std::shared_ptr<const AnyDenoiser> denoiser_of(const ModelBundle& bundle) {
  return std::make_shared<const AnyDenoiser>(std::shared_ptr<Model>(bundle.model));
}

Study make_study(const RunContext& run, const Work& work, const StudyStage& stage,
                 const ModelBundle& policy, const ModelBundle& reference) {
  const Services services = run.services(work, policy.tokenizer);
  std::vector<TrainingRow> pairs =
      read_encoded(run, run.logger, work, run.schedule.stage_of(work).facts.rows.at(0), 2,
                   {policy.tokenizer, template_of(run, work, policy.folder),
                    policy.model->shape().max_length})
          .rows;
  return {run,
          work,
          stage,
          services,
          make_process(run, services, stage.forward_process),
          run.registry.make<AnyObjective>(stage.objective, services),
          std::move(pairs),
          policy.model->parameters(),
          ScoreEngine<AnyDenoiser>(denoiser_of(policy), denoiser_of(reference), run.device,
                                   {.max_tokens_per_forward = stage.max_tokens_per_forward,
                                    .num_tokens = policy.tokenizer->vocabulary_size(),
                                    .on_smaller_passes = told_of_smaller_passes(run, work)}),
          {.where = message("stage \"", run.label(work), "\""),
           .policy = denoiser_label(run, work, stage.from),
           .reference = denoiser_label(run, work, stage.reference),
           .objective = component_label(run.registry, Role::objective, stage.objective.table),
           .row = row_label(run, work, run.rows(work).resolved)}};
}

Result row_of(Study& study, const ComponentRef<Role::score_estimator>& ref, Truths& truths,
              const std::function<void()>& tick) {
  const auto estimator = study.run.registry.make<AnyScoreEstimator>(ref, study.services);
  const std::int64_t scored = study.pairs.front().answers.front().num_scored();
  const Target target = estimator.target(scored, study.process);
  PassCounts passes;
  study.labels.score_estimator =
      component_label(study.run.registry, Role::score_estimator, ref.table);
  const StudyMoments moments = measure(study, estimator, passes, tick);
  if (is_follower(study.run)) return {};
  Result row;
  row["score_estimator"] = to_json(ref.table);
  const auto texts = static_cast<std::int64_t>(2 * study.pairs.size()) * study.stage.repeats;
  row["budget"] = static_cast<double>(passes.nominal) / static_cast<double>(texts);
  row["forward_passes"] = passes.nominal;
  row["evaluated_passes"] = passes.evaluated;
  row["reference_passes"] = passes.reference;
  row["target"] = target.name;
  row["is_unbiased"] = target.is_unbiased;
  row["truth_draws"] = study.stage.truth_draws;
  Result& metrics = row["metrics"];
  const auto own = own_truth(ref, target, study.stage.truth_draws);
  if (own) {
    moments.add_bias(metrics, "bias", truths.of(*own).policy, truths.of(*own).policy_error);
  } else {
    metrics["bias"] = nullptr;
  }
  const Truth& elbo = truths.of(elbo_truth(study.stage.truth_draws));
  moments.add_bias(metrics, "elbo_bias", elbo.policy, elbo.policy_error);
  moments.add_loss_bias(metrics, pair_losses(study, elbo.policy, elbo.reference));
  moments.add_variances(metrics);
  moments.add_margin_signs(metrics, elbo.policy, elbo.reference);
  return row;
}

}  // namespace

Result StudyKind::run(const Options& stage, const RunContext& run, const Work& work) {
  const ModelBundle policy = starting_model(run, work, stage.from, WeightUse::trained);
  const ModelBundle reference = starting_model(run, work, stage.reference);
  if (policy.tokenizer->fingerprint() != reference.tokenizer->fingerprint())
    throw ConfigError(message("stage \"", stage.name, "\": \"", stage.from, "\" and \"",
                              stage.reference, "\" have different tokenizers\n",
                              "  a reference reads the policy's tokens"));
  policy.model->set_trainable(true);
  reference.model->set_trainable(false);
  Study study = make_study(run, work, stage, policy, reference);
  Truths truths(study);
  // First: what cannot be enumerated is told before anything is measured.
  if (!is_follower(run)) static_cast<void>(truths.of(elbo_truth(stage.truth_draws)));
  Result result;
  result["pairs"] = study.pairs.size();
  result["repeats"] = stage.repeats;
  result["truth"] =
      stage.truth_draws == 0 ? "enumerated" : message(stage.truth_draws, " stratified draws");
  result["rows"] = Result::array();
  const auto total = static_cast<std::int64_t>(stage.score_estimators.size()) * stage.repeats;
  std::int64_t done = 0;
  run.options.observer->begin(run.label(work), "repeats", 0, total);
  for (const auto& ref : stage.score_estimators)
    result["rows"].push_back(
        row_of(study, ref, truths, [&] { run.options.observer->progress(++done, {}); }));
  run.options.observer->end();
  return result;
}

}  // namespace lldm
