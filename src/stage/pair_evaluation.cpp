// SPDX-License-Identifier: MIT
#include "stage/pair_evaluation.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/preference_accuracy.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/storage/files.hpp"
#include "stage/data_source.hpp"

namespace lldm {
namespace {

constexpr std::size_t kPairsAtOnce = 32;

std::vector<ScoredPair> score_pairs(const RunContext& run, const Work& work,
                                    const EvaluateStage& stage, const ModelBundle& bundle,
                                    const std::vector<TrainingRow>& rows) {
  const Services services = run.services(work, bundle.tokenizer);
  const auto estimator = run.registry.make<AnyScoreEstimator>(stage.score_estimator, services);
  const AnyForwardProcess process = make_process(run, services, stage.forward_process);
  if (const std::string problem = scoring_problem(bundle.noise, bundle.folder.string(),
                                                  stage.forward_process.type(), process);
      !problem.empty())
    run.logger.warning(problem);
  const auto denoiser = std::make_shared<const AnyDenoiser>(std::shared_ptr<Model>(bundle.model));
  const ScoreEngine<AnyDenoiser> engine(denoiser, nullptr, run.device);
  std::vector<ScoredPair> scores;
  run.options.observer->begin(run.label(work), "pairs", 0, static_cast<std::int64_t>(rows.size()));
  for (std::size_t begin = 0; begin < rows.size(); begin += kPairsAtOnce) {
    if (run.options.observer->should_stop())
      throw Stopped(message("stopped on request in stage ", run.label(work)));
    ScoreBatch batch;
    batch.group_size = 2;
    for (std::size_t r = begin; r < std::min(rows.size(), begin + kPairsAtOnce); ++r)
      for (std::size_t answer = 0; answer < 2; ++answer)
        batch.plans.push_back(
            estimator.plan(rows[r].answers[answer], process,
                           TextDraws(services.draws, Purpose::evaluation, 0, rows[r].id, answer)));
    const at::Tensor values = engine.score(batch).policy.contiguous();
    const double* data = values.const_data_ptr<double>();
    for (std::int64_t b = 0; b < batch.groups(); ++b)
      scores.push_back({data[2 * b], data[2 * b + 1]});
    run.options.observer->progress(static_cast<std::int64_t>(scores.size()), {});
  }
  run.options.observer->end();
  return scores;
}

std::vector<std::int64_t> scored_tokens(const Text& text) {
  return {text.response.begin(), text.response.begin() + text.num_scored()};
}

/// Characters of a UTF-8 text: every byte but the continuation bytes.
std::size_t code_points(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// Each half of the prompts judged by a unigram model of the other half's chosen answers.
std::vector<ScoredPair> unigram_scores(const std::vector<TokenPair>& pairs,
                                       const std::vector<SourceRow>& sources,
                                       std::int64_t vocabulary) {
  std::vector<std::size_t> half_of;  // pairs of one prompt, neighbours, stay together
  for (std::size_t i = 0, prompts = 0; i < pairs.size(); ++i) {
    if (i > 0 && (sources[i].prompt != sources[i - 1].prompt ||
                  sources[i].messages != sources[i - 1].messages))
      ++prompts;
    half_of.push_back(prompts % 2);
  }
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
  metrics[name] = accuracy.accuracy;
  metrics[name + "_low"] = accuracy.interval.low;
  metrics[name + "_high"] = accuracy.interval.high;
}

}  // namespace

Result evaluate_pairs(const RunContext& run, const Work& work, const EvaluateStage& stage) {
  const ModelBundle bundle = starting_model(run, work, work.model);
  bundle.model->set_trainable(false);
  std::vector<SourceRow> sources = read_source(run, work, run.rows(work), 2);
  if (stage.limit > 0 && static_cast<std::size_t>(stage.limit) < sources.size())
    sources.resize(static_cast<std::size_t>(stage.limit));
  const std::vector<TrainingRow> rows =
      encode_rows(sources, *bundle.tokenizer, template_of(run, work, bundle.folder),
                  canvas_rule(stage.response_length, stage.score_padding));
  check_lengths(rows, bundle.model->shape().max_length, stage.name);
  const std::vector<ScoredPair> scores = score_pairs(run, work, stage, bundle, rows);
  std::vector<TokenPair> tokens;
  double nats = 0, characters = 0;
  std::string items;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    tokens.push_back({scored_tokens(rows[i].answers[0]), scored_tokens(rows[i].answers[1])});
    nats -= scores[i].chosen;
    characters += static_cast<double>(code_points(sources[i].answers[0]));
    items += Result{{"id", rows[i].id},
                    {"score_chosen", scores[i].chosen},
                    {"score_rejected", scores[i].rejected},
                    {"tokens_chosen", tokens.back().chosen.size()},
                    {"tokens_rejected", tokens.back().rejected.size()}}
                 .dump() +
             "\n";
  }
  write_file_atomically(work.folder / "items.jsonl", items);
  const Draws draws = run.services(work, bundle.tokenizer).draws;
  Result result;
  Result& metrics = result["metrics"];
  add(metrics, "preference_accuracy", scores, draws);
  add(metrics, "preference_accuracy_per_token", per_token(scores, tokens), draws);
  add(metrics, "shorter_wins", shorter_wins(tokens), draws);
  add(metrics, "unigram_wins", unigram_scores(tokens, sources, bundle.tokenizer->vocabulary_size()),
      draws);
  metrics["nats_per_character"] = nats / characters;
  metrics["items"] = rows.size();
  return result;
}

}  // namespace lldm
