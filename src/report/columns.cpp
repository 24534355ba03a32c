// SPDX-License-Identifier: MIT
#include "report/columns.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

using Columns = std::vector<ReportColumn>;

constexpr const char* kShareInterval =
    "several seeds: ± one standard deviation over them; one seed: 95 % Wilson";
constexpr const char* kMeanInterval =
    "several seeds: ± one standard deviation over them; one seed: 95 % bootstrap over items";
constexpr const char* kChangeInterval =
    "± one standard deviation over seeds; brackets: 95 % paired bootstrap over items, or Student "
    "over seeds where no items are held";
constexpr const char* kNone = "none";
constexpr const char* kSeedMean = "none (mean over seeds)";

void add_common(Columns& columns, const char* table, const char* first) {
  columns.push_back({table, first,
                     "the stage, with what tells it from the stage's other lines: its axes, the "
                     "measuring stage in parentheses",
                     "-", kNone, "report.json: stage, axes, evaluated_by"});
  columns.push_back({table, "run", "the folders that hold it, in a report over several", "-", kNone,
                     "the folders' names"});
}

void add_results(Columns& columns) {
  const char* table = kResultsTitle;
  add_common(columns, table, "model");
  const Columns own = {
      {table, "role", "what the model is in the comparison", "-", kNone, "the stage's `role`"},
      {table, "seeds", "rows that the line is the mean of, one a seed", "1", kNone,
       "report.json: rows"},
      {table, "accuracy", "share of right answers", "share", kShareInterval,
       "items.jsonl: correct"},
      {table, "superfluous lines", "lines of an answer that are not needed", "lines per answer",
       kMeanInterval, "items.jsonl: metrics.superfluous_steps"},
      {table, "exact (right and concise)", "share of answers that are right without such lines",
       "share", kShareInterval, "items.jsonl: metrics.exact"},
      {table, "strict", "share right by GSM8K's strict match", "share", kShareInterval,
       "items.jsonl: metrics.strict_match"},
      {table, "flexible", "share right by GSM8K's flexible extract", "share", kShareInterval,
       "items.jsonl: metrics.flexible_extract"},
      {table, "checker timeout",
       "share of answers whose check was stopped after `timeout_seconds`; they count as wrong; "
       "this "
       "and the next three where there are any",
       "share", kShareInterval, "items.jsonl: metrics.check_timeout"},
      {table, "checker crash", "share whose checker was ended by a signal", "share", kShareInterval,
       "items.jsonl: metrics.check_crash"},
      {table, "checker exit", "share whose checker ended with another exit code", "share",
       kShareInterval, "items.jsonl: metrics.check_exit"},
      {table, "checker garbage",
       "share whose checker wrote no reply that was agreed, or whose expression gave up", "share",
       kShareInterval, "items.jsonl: metrics.check_garbage"},
      {table, "accuracy change",
       "accuracy less that of the model that the row starts from: same seed, same items", "share",
       kChangeInterval, "items.jsonl of both: correct"},
      {table, "exact McNemar",
       "two-sided exact test that the accuracy change is none; items that became right and wrong "
       "(of several seeds: of the items' sums; the cell names another test than McNemar's)",
       "probability", "exact McNemar", "items.jsonl of both: correct"},
      {table, "items", "answers that were judged", "1", kNone, "result.json: metrics.items"}};
  columns.insert(columns.end(), own.begin(), own.end());
}

void add_estimators(Columns& columns) {
  const char* table = kEstimatorsTitle;
  add_common(columns, table, "model");
  const Columns own = {
      {table, "estimator", "type of the score estimator", "-", kNone,
       "the stage's `score_estimator`"},
      {table, "nominal passes per text", "noised copies that the estimator plans for one answer",
       "forward passes", kSeedMean, "result.json: forward_passes_per_text"},
      {table, "evaluated passes per text", "those that hold a query and so are evaluated",
       "forward passes", kSeedMean,
       "result.json of the training stage: score_study.evaluated_passes_per_text"},
      {table, "evaluated passes in training", "of the policy, in all optimizer steps",
       "forward passes", kSeedMean,
       "result.json: evaluated_forward_passes; else evaluated passes per text, of forward_passes / "
       "forward_passes_per_text texts"},
      {table, "score sd [nats]",
       "standard deviation of S over fresh draws of one answer after training, root mean square "
       "over answers",
       "nats", kSeedMean, "result.json of the training stage: score_study.score_sd"},
      {table, "margin sd [nats]", "the same of the pair's margin", "nats", kSeedMean,
       "result.json of the training stage: score_study.margin_sd"},
      {table, "corr. policy, ref.", "correlation of policy and reference scores over the draws",
       "1", kSeedMean,
       "result.json of the training stage: score_study.policy_reference_correlation"},
      {table, "held-out reward acc.",
       "share of held-out pairs whose chosen answer gained more, own estimator, ties one half: "
       "mean over fresh draws of every pair",
       "share",
       "several seeds: ± one standard deviation over them; one seed: 95 % Wilson of as "
       "many trials as pairs (a pair's draws count as one)",
       "result.json of the training stage: score_study.reward_accuracy, pairs"}};
  columns.insert(columns.end(), own.begin(), own.end());
}

void add_study(Columns& columns) {
  const char* table = kStudyTitle;
  add_common(columns, table, "estimator");
  const auto add = [&](const char* name, const char* meaning, const char* unit,
                       const char* interval, const char* key) {
    columns.push_back(
        {table, name, meaning, unit, interval, message("result.json of the study: rows.", key)});
  };
  add("nominal passes per text", "the budget: noised copies planned for one answer",
      "forward passes", kNone, "budget");
  add("evaluated passes per text", "those that hold a query and so are evaluated", "forward passes",
      kSeedMean, "metrics.evaluated_passes_per_text");
  add("bias [nats]", "mean over the draws less the estimator's own target", "nats",
      "± one standard error over the draws, of several seeds their mean's", "metrics.bias");
  add("against the ELBO [nats]", "the same less the ELBO", "nats",
      "± one standard error over the draws, of several seeds their mean's", "metrics.elbo_bias");
  add("Var score [nats²]", "variance of one answer's score over draws", "nats²", kSeedMean,
      "metrics.score_variance");
  add("Var margin [nats²]", "variance of one pair's margin", "nats²", kSeedMean,
      "metrics.margin_variance");
  add("Var loss", "variance of one pair's loss", "loss²", kSeedMean, "metrics.loss_variance");
  add("loss bias", "mean loss less the loss at the true ELBOs", "loss", kSeedMean,
      "metrics.loss_bias");
  add("Var gradient", "variance of a step's gradient, summed over its entries", "gradient²",
      kSeedMean, "metrics.gradient_variance");
  add("corr. policy, ref.", "correlation of policy and reference scores over the draws", "1",
      kSeedMean, "metrics.policy_reference_correlation");
}

void add_pairs(Columns& columns) {
  const char* table = kPairsTitle;
  add_common(columns, table, "model");
  const char* changed = "the same less that of the model that the row starts from: same pairs";
  const char* scores = "items.jsonl: score_chosen, score_rejected";
  const char* per_token = "items.jsonl: score_* / tokens_*";
  const char* test =
      "two-sided exact test that the change left of it is none; pairs that became right and wrong "
      "(where ties or several seeds count the cell names another test)";
  const Columns own = {
      {table, "preference accuracy",
       "share of pairs whose chosen answer has the higher absolute score, ties one half", "share",
       kShareInterval, scores},
      {table, "change", changed, "share", kChangeInterval, scores},
      {table, "exact McNemar", test, "probability", "exact McNemar", scores},
      {table, "per token", "preference accuracy by score per token", "share", kShareInterval,
       per_token},
      {table, "change, per token", changed, "share", kChangeInterval, per_token},
      {table, "exact McNemar, per token", test, "probability", "exact McNemar", per_token},
      {table, "reward accuracy",
       "share of pairs whose chosen answer gained more over the stage's `reference` than the "
       "rejected one, the same draws and estimator for every model, ties one half; where a stage "
       "has a reference",
       "share", kShareInterval, "items.jsonl: metrics.reward_accuracy"},
      {table, "shorter wins", "share of pairs whose chosen answer has fewer tokens", "share",
       kShareInterval, "result.json: metrics.shorter_wins"},
      {table, "unigram", "preference accuracy of a model that knows how often each token occurs",
       "share", kShareInterval, "result.json: metrics.unigram_wins"},
      {table, "nats per character",
       "likelihood bound of the chosen answers, end-of-text and padding included, over their "
       "characters",
       "nats", kSeedMean, "result.json: metrics.nats_per_character"},
      {table, "pairs", "pairs that were scored", "1", kNone, "result.json: metrics.items"}};
  columns.insert(columns.end(), own.begin(), own.end());
}

void add_training(Columns& columns) {
  const char* table = kTrainingTitle;
  add_common(columns, table, "model");
  const Columns own = {
      {table, "seeds", "models that the line is the mean of, one a seed", "1", kNone,
       "report.json: training"},
      {table, "steps", "optimizer steps", "1", kSeedMean, "result.json: steps"},
      {table, "rows", "rows that it was trained on", "1", kSeedMean, "result.json: rows"},
      {table, "training loss", "the objective over the last steps that were logged", "loss",
       kSeedMean, "result.json: loss"},
      {table, "held-out loss", "the objective of the validation rows after the last step", "loss",
       kSeedMean, "result.json: validation.loss"},
      {table, "least held-out loss", "the least of all times that it was measured: of `best/`",
       "loss", kSeedMean, "result.json: best_validation_loss"},
      {table, "at step", "the optimizer step of the least one", "1", kSeedMean,
       "result.json: best_step"}};
  columns.insert(columns.end(), own.begin(), own.end());
}

void add_failed_and_costs(Columns& columns) {
  const char* failed = kFailedTitle;
  const char* costs = kCostsTitle;
  const Columns first = {
      {failed, "work", "the stage, of an evaluation the measured model behind it, and its axes",
       "-", kNone, "the schedule"},
      {failed, "run", "the folder that holds it, in a report over several", "-", kNone,
       "the folders' names"},
      {failed, "seed", "its seed", "1", kNone, "the schedule"},
      {failed, "error", "why it has no figures", "-", kNone, "failed.json"}};
  columns.insert(columns.end(), first.begin(), first.end());
  add_common(columns, costs, "model");
  const Columns own = {
      {costs, "estimator", "type of the score estimator", "-", kNone,
       "the stage's `score_estimator`"},
      {costs, "s per step", "median time of an optimizer step", "seconds", kSeedMean,
       "result.json: seconds_per_step"},
      {costs, "training seconds", "time of the whole stage", "seconds", kSeedMean,
       "result.json: seconds"},
      {costs, "s per repeat of a study", "median time of one repeat over all pairs", "seconds",
       kSeedMean, "result.json of the study: rows.metrics.seconds"},
      {costs, "peak memory", "of the whole stage, weights, reference and optimizer included", "MiB",
       kSeedMean, "result.json: peak_bytes"},
      {costs, "predicted peak", "what the plan said before", "MiB", kSeedMean,
       "result.json: predicted_peak_bytes"}};
  columns.insert(columns.end(), own.begin(), own.end());
}

}  // namespace

const std::vector<ReportColumn>& report_columns() {
  static const Columns columns = [] {
    Columns all;
    add_results(all);
    add_estimators(all);
    add_study(all);
    add_pairs(all);
    add_training(all);
    add_failed_and_costs(all);
    return all;
  }();
  return columns;
}

Table::Column column_of(const std::string& table, const std::string& name) {
  for (const ReportColumn& column : report_columns())
    if (column.table == table && column.name == name)
      return {name, column.unit == "-" ? Align::left : Align::right};
  throw Error(message("report: the column \"", name, "\" of \"", table, "\" is not explained"));
}

std::string columns_markdown(const std::string& table) {
  Table text{.columns = {{"column", Align::left},
                         {"meaning", Align::left},
                         {"unit", Align::left},
                         {"interval", Align::left},
                         {"computed from", Align::left}},
             .rows = {}};
  for (const ReportColumn& column : report_columns())
    if (column.table == table)
      text.rows.push_back(
          {column.name, column.meaning, column.unit, column.interval, column.source});
  return markdown_table(text);
}

}  // namespace lldm
