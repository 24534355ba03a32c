// SPDX-License-Identifier: MIT
#include "stage/pair_evaluation.hpp"
#include "stage/memory_given.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/preference_accuracy.hpp"
#include "lldm/objective/win.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/data_source.hpp"
#include "stage/mask_in_data.hpp"
#include "stage/prompt_split.hpp"
#include "stage/score_labels.hpp"
#include "stage/seen_prompts.hpp"
#include "stage/shared_rows.hpp"

namespace lldm {
namespace {

/// Few enough that several processes all have some.
constexpr std::size_t kPairsAtOnce = 8;

/// What every pair scored, by the measured model and by the reference where there is one.
struct PairScores {
  std::vector<ScoredPair> policy, reference;
  PassCounts passes;

  /// Rewards over beta: policy minus reference, answer by answer.
  [[nodiscard]] std::vector<ScoredPair> rewards() const {
    std::vector<ScoredPair> rewards;
    for (std::size_t i = 0; i < reference.size(); ++i)
      rewards.push_back(
          {policy[i].chosen - reference[i].chosen, policy[i].rejected - reference[i].rejected});
    return rewards;
  }
};

std::shared_ptr<const AnyDenoiser> denoiser_of(const ModelBundle& bundle) {
  return std::make_shared<const AnyDenoiser>(std::shared_ptr<Model>(bundle.model));
}

/// The stage's reference, frozen; nothing where it names none.
std::optional<ModelBundle> reference_model(const RunContext& run, const Work& work,
                                           const EvaluateStage& stage, const ModelBundle& policy) {
  if (stage.reference.empty()) return std::nullopt;
  ModelBundle reference = starting_model(run, work, stage.reference);
  if (policy.tokenizer->fingerprint() != reference.tokenizer->fingerprint())
    throw ConfigError(message(
        "stage \"", stage.name, "\": \"", work.model, "\" and its reference \"", stage.reference,
        "\" have different tokenizers\n", "  a reference reads the policy's tokens"));
  reference.model->set_trainable(false);
  return reference;
}

ScoreLabels pair_labels(const RunContext& run, const Work& work, const EvaluateStage& stage) {
  return {.where = message("stage \"", run.label(work), "\""),
          .policy = denoiser_label(run, work, work.model),
          .reference = denoiser_label(run, work, stage.reference),
          .score_estimator =
              component_label(run.registry, Role::score_estimator, stage.score_estimator.table),
          .row = row_label(run, work, run.rows(work).resolved)};
}

/// Pairs [begin, end) under draws that depend on the row and the answer alone: the same for every
/// model of the stage, and for its reference.
ScoreBatch batch_of(std::span<const TrainingRow> rows, const AnyScoreEstimator& estimator,
                    const AnyForwardProcess& process, const Draws& draws) {
  ScoreBatch batch;
  batch.group_size = 2;
  for (const TrainingRow& row : rows)
    for (std::size_t answer = 0; answer < 2; ++answer)
      batch.plans.push_back(estimator.plan(
          row.answers[answer], process, TextDraws(draws, Purpose::evaluation, 0, row.id, answer)));
  return batch;
}

void append_pairs(std::vector<ScoredPair>& pairs, const at::Tensor& scores) {
  if (!scores.defined()) return;
  const at::Tensor values = scores.contiguous();
  const double* data = values.const_data_ptr<double>();
  for (std::int64_t b = 0; b < values.size(0); ++b) pairs.push_back({data[2 * b], data[2 * b + 1]});
}

/// Exact.
std::string packed(const PairScores& scores) {
  const auto flat = [](const std::vector<ScoredPair>& pairs) {
    std::vector<double> values;
    for (const ScoredPair& pair : pairs) values.insert(values.end(), {pair.chosen, pair.rejected});
    return values;
  };
  const PassCounts& passes = scores.passes;
  std::string bytes;
  nlohmann::json::to_cbor({flat(scores.policy), flat(scores.reference), passes.nominal,
                           passes.evaluated, passes.extra, passes.reference},
                          bytes);
  return bytes;
}

PairScores unpacked(const std::string& bytes) {
  const auto json = nlohmann::json::from_cbor(bytes);
  const auto pairs = [](const nlohmann::json& values) {
    std::vector<ScoredPair> pairs;
    for (std::size_t i = 0; i < values.size(); i += 2)
      pairs.push_back({values.at(i).get<double>(), values.at(i + 1).get<double>()});
    return pairs;
  };
  return {.policy = pairs(json.at(0)),
          .reference = pairs(json.at(1)),
          .passes = {json.at(2).get<std::int64_t>(), json.at(3).get<std::int64_t>(),
                     json.at(4).get<std::int64_t>(), json.at(5).get<std::int64_t>()}};
}

void append(PairScores& all, const PairScores& more) {
  all.policy.insert(all.policy.end(), more.policy.begin(), more.policy.end());
  all.reference.insert(all.reference.end(), more.reference.begin(), more.reference.end());
  all.passes += more.passes;
}

PairScores score_pairs(const RunContext& run, const Work& work, const EvaluateStage& stage,
                       const ModelBundle& bundle, const std::vector<TrainingRow>& rows) {
  const Services services = run.services(work, bundle.tokenizer);
  const auto estimator = run.registry.make<AnyScoreEstimator>(stage.score_estimator, services);
  const AnyForwardProcess process = make_process(run, services, stage.forward_process);
  if (const std::string problem = scoring_problem(bundle.noise, bundle.folder.string(),
                                                  stage.forward_process.type(), process);
      !problem.empty())
    run.logger.warning(problem);
  const std::optional<ModelBundle> reference = reference_model(run, work, stage, bundle);
  const ScoreEngine<AnyDenoiser> engine(denoiser_of(bundle),
                                        reference ? denoiser_of(*reference) : nullptr, run.device,
                                        {.num_tokens = bundle.tokenizer->vocabulary_size(),
                                         .on_smaller_passes = told_of_smaller_passes(run, work)});
  const ScoreLabels labels = pair_labels(run, work, stage);
  PairScores scores;
  run.options.observer->begin(run.label(work), "pairs", 0, static_cast<std::int64_t>(rows.size()));
  const auto score = [&](std::size_t batch_index, std::size_t) {
    stop_if_asked(run, work);
    const std::size_t begin = batch_index * kPairsAtOnce;
    const auto part = std::span(rows).subspan(begin, std::min(kPairsAtOnce, rows.size() - begin));
    std::vector<std::uint64_t> ids;
    for (const TrainingRow& row : part) ids.push_back(row.id);
    const ScoreBatch batch = batch_of(part, estimator, process, services.draws);
    const ScoreSet set = engine.score(batch);
    require_finite_scores(batch, set, ids, labels);
    PairScores done;
    done.passes = engine.passes(batch);
    append_pairs(done.policy, set.policy);
    append_pairs(done.reference, set.reference);
    return packed(done);
  };
  // Whole batches, whoever does them: what is scored at once is the same.
  share_rows(run.options.group.get(), (rows.size() + kPairsAtOnce - 1) / kPairsAtOnce, 1, score,
             [&](const std::string& done) {
               append(scores, unpacked(done));
               run.options.observer->progress(static_cast<std::int64_t>(scores.policy.size()), {});
             });
  run.options.observer->end();
  return scores;
}

std::vector<std::int64_t> scored_tokens(const Text& text) {
  return {text.response.begin(), text.response.begin() + text.num_scored()};
}

/// Each half of the prompts judged by a unigram model of the other half's chosen answers.
std::vector<ScoredPair> unigram_scores(const std::vector<TokenPair>& pairs,
                                       const std::vector<SourceRow>& sources,
                                       std::int64_t vocabulary) {
  std::vector<std::size_t> half_of;  // pairs of one prompt stay together, wherever they stand
  std::map<std::string, std::size_t> number_of;
  for (const SourceRow& source : sources)
    half_of.push_back(number_of.emplace(prompt_text(source), number_of.size()).first->second % 2);
  std::vector<ScoredPair> scores(pairs.size());
  for (std::size_t half = 0; half < 2; ++half) {
    UnigramModel model(vocabulary);
    for (std::size_t i = 0; i < pairs.size(); ++i)
      if (half_of[i] != half) model.learn(pairs[i].chosen);
    for (std::size_t i = 0; i < pairs.size(); ++i)
      if (half_of[i] == half)
        scores[i] = {model.score(pairs[i].chosen), model.score(pairs[i].rejected)};
  }
  return scores;
}

void add(Result& metrics, const std::string& name, const std::vector<ScoredPair>& scores,
         const Draws& draws) {
  const PreferenceAccuracy accuracy = preference_accuracy(scores, draws.stream(Purpose::bootstrap));
  const Interval interval =
      wilson_interval(accuracy.accuracy * static_cast<double>(accuracy.pairs), accuracy.pairs);
  metrics[name] = accuracy.accuracy;
  metrics[name + "_interval"] = "Wilson";
  metrics[name + "_low"] = interval.low;
  metrics[name + "_high"] = interval.high;
}

/// Mean of chosen minus rejected, nats, with its bootstrap interval over pairs.
void add_margin(Result& metrics, const std::string& name, const std::vector<ScoredPair>& scores,
                const Draws& draws) {
  std::vector<double> margins;
  for (const ScoredPair& pair : scores) margins.push_back(pair.chosen - pair.rejected);
  const Interval interval = bootstrap_mean(margins, draws.stream(Purpose::bootstrap));
  metrics[name] = mean(margins);
  metrics[name + "_low"] = interval.low;
  metrics[name + "_high"] = interval.high;
}

/// items.jsonl: what each pair scored, and its share of the reward metrics under their names.
std::string items_text(const std::vector<TrainingRow>& rows, const PairScores& scores,
                       const std::vector<TokenPair>& tokens) {
  const std::vector<ScoredPair> rewards = scores.rewards();
  std::string items;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Result item = {{"id", rows[i].id},
                   {"score_chosen", scores.policy[i].chosen},
                   {"score_rejected", scores.policy[i].rejected},
                   {"tokens_chosen", tokens[i].chosen.size()},
                   {"tokens_rejected", tokens[i].rejected.size()}};
    if (!rewards.empty()) {
      item["reference_score_chosen"] = scores.reference[i].chosen;
      item["reference_score_rejected"] = scores.reference[i].rejected;
      item["metrics"] = {{"reward_accuracy", win(rewards[i].chosen, rewards[i].rejected)},
                         {"reward_margin", rewards[i].chosen - rewards[i].rejected}};
    }
    items += item.dump() + "\n";
  }
  return items;
}

/// Every metric of the pairs but the cost.
Result metrics_of(const PairScores& all, const std::vector<TokenPair>& tokens,
                  const std::vector<SourceRow>& sources, std::int64_t vocabulary,
                  const Draws& draws) {
  const std::vector<ScoredPair>& scores = all.policy;
  Result metrics;
  add(metrics, "preference_accuracy", scores, draws);
  add(metrics, "preference_accuracy_per_token", per_token(scores, tokens), draws);
  add(metrics, "shorter_wins", shorter_wins(tokens), draws);
  add(metrics, "unigram_wins", unigram_scores(tokens, sources, vocabulary), draws);
  add_margin(metrics, "preference_margin", scores, draws);
  add_margin(metrics, "preference_margin_per_token", per_token(scores, tokens), draws);
  if (const std::vector<ScoredPair> rewards = all.rewards(); !rewards.empty()) {
    add(metrics, "reward_accuracy", rewards, draws);
    add_margin(metrics, "reward_margin", rewards, draws);
  }
  double nats = 0, characters = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    nats -= scores[i].chosen;
    characters += static_cast<double>(count_characters(sources[i].answers[0]));
  }
  metrics["nats_per_character"] = nats / characters;
  metrics["items"] = scores.size();
  return metrics;
}

}  // namespace

Result evaluate_pairs(const RunContext& run, const Work& work, const EvaluateStage& stage) {
  const ModelBundle bundle = starting_model(run, work, work.model);
  bundle.model->set_trainable(false);
  const auto [sources, rows, long_rows] = read_encoded(
      run, run.logger, work, run.schedule.stage_of(work).facts.rows.at(0), 2,
      {bundle.tokenizer, template_of(run, work, bundle.folder), bundle.model->shape().max_length});
  const PairScores all = score_pairs(run, work, stage, bundle, rows);
  if (is_follower(run)) return {};
  std::vector<TokenPair> tokens;
  for (const TrainingRow& row : rows)
    tokens.push_back({scored_tokens(row.answers[0]), scored_tokens(row.answers[1])});
  make_folders(work.folder);
  write_file_atomically(work.folder / "items.jsonl", items_text(rows, all, tokens));
  Result result;
  result["metrics"] = metrics_of(all, tokens, sources, bundle.tokenizer->vocabulary_size(),
                                 run.services(work, bundle.tokenizer).draws);
  if (!stage.reference.empty()) result["reference"] = stage.reference;
  result["forward_passes"] = all.passes.nominal;
  result["evaluated_passes"] = all.passes.evaluated;
  result["extra_passes"] = all.passes.extra;
  result["reference_passes"] = all.passes.reference;
  std::vector<std::string> prompts;
  for (const SourceRow& source : sources) prompts.push_back(prompt_text(source));
  result["shared_prompts"] = shared_prompts(run, work, prompts);
  return result;
}

}  // namespace lldm
