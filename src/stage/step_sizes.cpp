// SPDX-License-Identifier: MIT
#include "stage/step_sizes.hpp"

#include <algorithm>
#include <utility>

#include "lldm/distributed/process_group.hpp"
#include "lldm/errors.hpp"
#include "model/head_chunks.hpp"
#include "stage/heavy_batches.hpp"
#include "stage/score_study.hpp"
#include "train/reads_micro_batches.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kMostPlanned = std::int64_t{1} << 22;  // tokens of a plan that is made
constexpr std::int64_t kMostAsked = 256;  // micro-batches of validation, and of those with queries
constexpr std::int64_t kMostRead = std::int64_t{1} << 25;  // tokens of a corpus that are looked at
constexpr std::int64_t kMostRows = std::int64_t{1} << 16;  // and its rows

std::int64_t streams_of(const AnyForwardProcess& process) {
  return process.block_size() > 0 ? 2 : 1;  // the clean tokens lie beside the noised ones
}

TextLoad nominal_load(const StepParts& parts, const Text& text) {
  const std::int64_t copies = parts.estimator.nominal_copies(text.num_scored());
  return {text.length() * streams_of(parts.process), copies, copies * text.num_scored()};
}

/// Of prompt and response, and the mask's.
std::int64_t distinct_ids(const Text& text) {
  std::vector<std::int64_t> ids = text.prompt;
  ids.insert(ids.end(), text.response.begin(), text.response.end());
  std::ranges::sort(ids);
  return std::ranges::unique(ids).begin() - ids.begin() + 1;
}

/// As the plan of these draws has it; as the options have it where there is none yet.
TextLoad load_of(const StepParts& parts, const Text& text, const TextDraws& draws) {
  const TextLoad nominal = nominal_load(parts, text);
  if (nominal.tokens() > kMostPlanned) return nominal;
  try {
    const auto rule = parts.estimator.adaptation();
    const ScorePlan plan = rule ? parts.estimator.at(rule->max).plan(text, parts.process, draws)
                                : parts.estimator.plan(text, parts.process, draws);
    const std::int64_t rows_per_query = plan.posteriors.empty() ? 1 : 2;
    std::vector<std::int64_t> of_copies(static_cast<std::size_t>(plan.copies()));
    for (const Query& query : plan.queries)
      of_copies[static_cast<std::size_t>(query.copy)] += rows_per_query;
    return {.length = plan.length,
            .copies = plan.copies(),
            .queries = rows_per_query * static_cast<std::int64_t>(plan.queries.size()),
            .of_copies = std::move(of_copies),
            .walked = plan.path_uniforms.empty() ? 0 : plan.copies() - 1,
            .ids = distinct_ids(text),
            .rows_per_readout = rows_per_query,
            .pattern = plan.attention};
  } catch (const Error&) {  // told where the stage makes its plans
    return nominal;
  }
}

std::int64_t micro_batches_per_step(const StepParts& parts) {
  return parts.needs.use == ScoreUse::coupled ? 1 : parts.optimizer.gradient_accumulation_steps;
}

MicroBatchLoad load_of(const StepParts& parts, const TrainingSetup& setup, const BatchRows& rows) {
  MicroBatchLoad loads;
  const auto add = [&](const TrainingRow& row, std::uint64_t epoch) {
    for (std::size_t a = 0; a < row.answers.size(); ++a)
      loads.push_back(
          load_of(parts, row.answers[a], TextDraws(setup.draws, Purpose::noise, epoch, row.id, a)));
  };
  for (const auto& [row, epoch] : rows) {
    if (!setup.source) add(setup.rows[static_cast<std::size_t>(row)], epoch);
    if (setup.source)
      for (const TrainingRow& text : setup.source->row(row)) add(text, epoch);
  }
  return loads;
}

/// Most rows of the head in one pass, of all and of those that have few, whose logits exist twice
/// (head_chunks.hpp).
struct QueriesOfPass {
  std::int64_t most = 0, most_of_few = 0;
};
QueriesOfPass queries_of_pass(const MicroBatchLoad& texts, std::int64_t max_tokens) {
  QueriesOfPass queries;
  for (const Pack& pack : packs_of(texts, max_tokens > 0 ? max_tokens : tokens_of(texts))) {
    queries.most = std::max(queries.most, pack.queries);
    if (are_few(pack.queries)) queries.most_of_few = std::max(queries.most_of_few, pack.queries);
  }
  return queries;
}

/// Of micro-batches that are looked at those with most queries in a pass.
struct MostQueries {
  std::vector<MicroBatchLoad> found = std::vector<MicroBatchLoad>(2);
  std::int64_t most = -1, most_of_few = -1;
  void look_at(const MicroBatchLoad& texts, std::int64_t max_tokens) {
    const QueriesOfPass own = queries_of_pass(texts, max_tokens);
    if (own.most > most) most = own.most, found[0] = texts;
    if (own.most_of_few > most_of_few) most_of_few = own.most_of_few, found[1] = texts;
  }
};

/// How many queries a micro-batch has is drawn: of the first ones those with most, in all and in
/// one pass (of all passes, and of those with few).
std::vector<MicroBatchLoad> with_most_queries(const StepParts& parts, const TrainingSetup& setup,
                                              const StepSharing& sharing, const RowLoads& loads) {
  MostQueries in_pass;
  MicroBatchLoad found;
  std::int64_t in_all = -1, planned = 0;
  for (const BatchRows& rows : first_batches(parts, setup, sharing, loads, kMostAsked)) {
    const MicroBatchLoad texts = load_of(parts, setup, rows);
    std::int64_t all = 0;
    for (const TextLoad& text : texts) all += text.queries;
    planned += tokens_of(texts);
    if (all > in_all) in_all = all, found = texts;
    in_pass.look_at(texts, setup.engine.max_tokens_per_forward);
    if (planned > kMostPlanned) break;
  }
  in_pass.found.push_back(std::move(found));
  return in_pass.found;
}

/// Nominal ones.  Of a corpus until kMostRead tokens, or kMostRows rows, were read: what comes
/// later is taken to be no heavier.
RowLoads loads_of_rows(const StepParts& parts, const TrainingSetup& setup) {
  RowLoads loads{.rows = setup.num_rows(),
                 .steps = parts.optimizer.total_steps(setup.num_rows()),
                 .all = {},
                 .some = {}};
  if (!setup.source) {
    for (const TrainingRow& row : setup.rows) {
      loads.all.emplace_back();
      for (const Text& text : row.answers) loads.all.back().push_back(nominal_load(parts, text));
    }
    return loads;
  }
  const std::int64_t per_step =
      parts.optimizer.batch_size * parts.optimizer.gradient_accumulation_steps;
  RowOrder order(setup.draws, setup.num_rows(), per_step, Shuffle::counter);
  std::int64_t tokens = 0, rows = 0, step = 0;
  for (; step < loads.steps && tokens < kMostRead && rows < kMostRows; ++step)
    for (const auto& entry : order.step(step, parts.optimizer.row_limit(setup.num_rows()))) {
      ++rows;
      const auto [load, is_new] = loads.some.try_emplace(entry.row);
      if (!is_new) continue;
      for (const TrainingRow& text : setup.source->row(entry.row)) {
        load->second.push_back(nominal_load(parts, text.answers.front()));
        tokens += text.answers.front().length();
      }
    }
  loads.steps = step;
  return loads;
}

/// Of the first kMostAsked micro-batches the one with most tokens, and that with most queries in a
/// pass; the draws are the same in every validation.
std::vector<MicroBatchLoad> validation_loads(const StepParts& parts, const TrainingSetup& setup) {
  const std::vector<TrainingRow>& rows = setup.validation;
  const auto size = parts.needs.use == ScoreUse::coupled
                        ? rows.size()
                        : static_cast<std::size_t>(parts.optimizer.batch_size);
  MostQueries in_pass;
  MicroBatchLoad found;
  std::int64_t tokens = -1, asked = 0;
  for (std::size_t first = 0; first < rows.size() && asked < kMostAsked; first += size, ++asked) {
    MicroBatchLoad loads;
    for (std::size_t i = first; i < std::min(first + size, rows.size()); ++i)
      for (std::size_t a = 0; a < rows[i].answers.size(); ++a)
        loads.push_back(load_of(parts, rows[i].answers[a],
                                TextDraws(setup.draws, Purpose::evaluation, 0, rows[i].id, a)));
    const std::int64_t own = tokens_of(loads);
    in_pass.look_at(loads, setup.engine.max_tokens_per_forward);
    if (own > tokens) tokens = own, found = std::move(loads);
  }
  in_pass.found.push_back(std::move(found));
  return in_pass.found;
}

/// Of a stage of pairs, what the study of held-out ones scores behind its last step: other draws.
std::vector<MicroBatchLoad> study_loads(const StepParts& parts, const TrainingSetup& setup) {
  std::vector<MicroBatchLoad> repeats;
  if (parts.needs.group_size != 2) return repeats;
  for (int repeat = 0; repeat < kStudyRepeats; ++repeat) {
    MicroBatchLoad& loads = repeats.emplace_back();
    for (std::size_t r = 0; r < std::min(setup.validation.size(), kStudyPairs); ++r)
      for (const std::size_t answer : {std::size_t{0}, setup.validation[r].answers.size() - 1})
        loads.push_back(load_of(parts, setup.validation[r].answers[answer],
                                study_draws(setup, setup.validation[r], answer, repeat)));
  }
  return repeats;
}

}  // namespace

std::int64_t tokens_of(std::span<const TextLoad> texts) {
  std::int64_t tokens = 0;
  for (const TextLoad& text : texts) tokens += text.tokens();
  return tokens;
}

std::int64_t StepSizes::most_tokens() const {
  std::int64_t most = 0;
  for (const MicroBatchLoad& texts : micro_batches) most = std::max(most, tokens_of(texts));
  return most;
}

StepSharing sharing_of(const AnyObjective& objective, const ObjectiveNeeds& needs,
                       const TrainingSetup& setup) {
  if (!setup.group) return {};
  const auto loss = [&](const ScoreSet& scores) { return objective.evaluate(scores); };
  return {.ranks = setup.group->size(),
          .is_coupled = needs.use == ScoreUse::coupled,
          .keeps_micro_batches =
              setup.reduction == Reduction::ordered || reads_micro_batches(needs, loss)};
}

StepSizes sizes_of_rows(const StepParts& parts, const TrainingSetup& setup,
                        const StepSharing& sharing) {
  StepSizes sizes;
  sizes.has_patterns = streams_of(parts.process) > 1;
  sizes.micro_batches_per_step = micro_batches_per_step(parts);
  sizes.answers_per_row = std::max<std::int64_t>(1, parts.needs.group_size);
  sizes.combination = parts.estimator.target(1).combination;
  const RowLoads loads = loads_of_rows(parts, setup);
  for (const BatchRows& rows : heavy_batches(parts, setup, sharing, loads))
    sizes.micro_batches.push_back(load_of(parts, setup, rows));
  for (MicroBatchLoad& texts : with_most_queries(parts, setup, sharing, loads))
    sizes.micro_batches.push_back(std::move(texts));
  if (!setup.validation.empty()) sizes.validation = validation_loads(parts, setup);
  for (MicroBatchLoad& texts : study_loads(parts, setup))
    if (!texts.empty()) sizes.validation.push_back(std::move(texts));
  const TrainingRow first = setup.source ? setup.source->row(0).front() : setup.rows.front();
  sizes.last_look = {load_of(parts, first.answers.front(),
                             TextDraws(setup.draws, Purpose::evaluation, 0, first.id, 0))};
  for (const MicroBatchLoad& texts : sizes.micro_batches)
    for (const TextLoad& text : texts) sizes.longest = std::max(sizes.longest, text.length);
  return sizes;
}

StepSizes sizes_of_bound(const StepParts& parts, std::int64_t longest, std::int64_t canvas,
                         bool has_validation) {
  StepSizes sizes;
  sizes.has_patterns = streams_of(parts.process) > 1;
  sizes.micro_batches_per_step = micro_batches_per_step(parts);
  sizes.answers_per_row = std::max<std::int64_t>(1, parts.needs.group_size);
  sizes.combination = parts.estimator.target(1).combination;
  sizes.is_bound = true;
  const auto scored = static_cast<std::size_t>(std::clamp<std::int64_t>(canvas, 1, longest));
  const Text text{
      .prompt = std::vector<std::int64_t>(static_cast<std::size_t>(longest) - scored, 1),
      .response = std::vector<std::int64_t>(scored, 1)};
  TextLoad load = load_of(parts, text, TextDraws(Draws(0, "plan"), Purpose::noise, 0, 0, 0));
  load.ids = 0;  // its ids stand for any
  const auto texts = static_cast<std::size_t>(rows_per_micro_batch(parts) * sizes.answers_per_row);
  sizes.micro_batches = {MicroBatchLoad(texts, load)};
  if (has_validation) sizes.validation = {sizes.micro_batches.front()};
  sizes.last_look = {load};
  sizes.longest = load.length;
  return sizes;
}

std::vector<Pack> packs_of(std::span<const TextLoad> texts, std::int64_t max_tokens,
                           std::int64_t most_copies) {
  std::vector<Pack> packs;
  std::int64_t copies = 0;
  const TextLoad* before = nullptr;  // in the last pack
  const auto has_mask_of = [](const TextLoad* other, const TextLoad& text) {
    return other && other->length == text.length && text.pattern && other->pattern == text.pattern;
  };
  for (const TextLoad& text : texts) {
    std::int64_t asked = 0;
    std::size_t masked = 0;  // packs that have its mask
    for (std::int64_t c = 0; c < text.copies; ++c) {
      if (packs.empty() || (most_copies > 0 && copies >= most_copies) ||
          packs.back().tokens + text.length > max_tokens)
        packs.emplace_back(), copies = 0, before = nullptr;
      packs.back().tokens += text.length;
      ++packs.back().texts;
      if (masked != packs.size()) {
        masked = packs.size();
        packs.back().ids += text.ids > 0 ? text.ids : text.tokens();
        if (!has_mask_of(before, text)) {
          packs.back().masks += text.length * text.length;
          packs.back().runs.push_back(0);
        }
        before = &text;
      }
      packs.back().runs.back() += text.length;
      packs.back().largest_mask = std::max(packs.back().largest_mask, text.length * text.length);
      // Evenly, as far as whole numbers go, where nothing is drawn yet.
      const std::int64_t until = text.of_copies.empty()
                                     ? text.queries * (c + 1) / text.copies
                                     : asked + text.of_copies[static_cast<std::size_t>(c)];
      packs.back().queries += until - asked;
      if (text.rows_per_readout > 1)
        packs.back().posteriors += (until - asked) / text.rows_per_readout;
      asked = until;
      ++copies;
    }
  }
  if (packs.empty()) packs.emplace_back();
  return packs;
}

}  // namespace lldm
