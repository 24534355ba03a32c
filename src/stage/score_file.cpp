// SPDX-License-Identifier: MIT
#include "stage/score_file.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/score_padding.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <set>
#include <tuple>

#include "data/line_reader.hpp"
#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/statistics.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/model.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/score/combine.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/services.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/trained_noise.hpp"
#include "lldm/text/utf8.hpp"
#include "lldm/tokenizer/find.hpp"
#include "lldm/tokenizer/load.hpp"
#include "stage/data_source.hpp"
#include "stage/mask_in_data.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// The keys that --set may give.
struct ScoreSettings {
  ComponentRef<Role::score_estimator> score_estimator = "monte_carlo_elbo";
  ComponentRef<Role::forward_process> forward_process = "masked";
  ResponseLength response_length = {};
  ScorePadding score_padding = ScorePadding::include;
  TemplateOptions prompt_template = {};
  static constexpr auto describe() {
    using S = ScoreSettings;
    return std::tuple{
        field("score_estimator", &S::score_estimator, "How the score is estimated."),
        field("forward_process", &S::forward_process, "How text is noised."),
        field("response_length", &S::response_length, "Answer canvas, for rows of text."),
        field("score_padding", &S::score_padding, "What of the canvas is scored."),
        field("template", &S::prompt_template, "How prompts are written, for rows of text.")};
  }
};
static_assert(OptionsStruct<ScoreSettings>);

std::vector<std::int64_t> ids_of(const nlohmann::json& row, const char* key,
                                 std::int64_t vocabulary, const std::string& where) {
  if (!row.contains(key) || !row.at(key).is_array())
    throw DataError(message(where, ": \"", key, "\" is missing or not a list of token ids"));
  std::vector<std::int64_t> ids;
  for (const auto& id : row.at(key)) {
    const bool is_id =
        id.is_number_unsigned() && id.get<std::uint64_t>() < static_cast<std::uint64_t>(vocabulary);
    if (!is_id)
      throw DataError(message(where, ": \"", key, "\" holds ", shortened(id.dump(), 60),
                              "\n  legal: token ids from 0 to ", vocabulary - 1));
    ids.push_back(id.get<std::int64_t>());
  }
  return ids;
}

/// One recorded step per token of an answer.
std::vector<std::int64_t> recorded_steps(const nlohmann::json& steps, std::size_t tokens,
                                         const std::string& where) {
  std::vector<std::int64_t> values;
  for (const auto& step : steps) {
    const bool is_whole = step.is_number_integer() &&
                          (!step.is_number_unsigned() || step.get<std::uint64_t>() >> 63 == 0);
    if (!is_whole)
      throw DataError(message(where, ": a recorded step is ", shortened(step.dump(), 60),
                              "\n  legal: integers"));
    values.push_back(step.get<std::int64_t>());
  }
  if (values.size() != tokens)
    throw DataError(message(where, ": ", values.size(), " recorded steps for ", tokens,
                            " tokens\n  one step per token of the answer"));
  return values;
}

/// Rows of token ids: the canvas is what stands there.
std::vector<TrainingRow> read_ids(const std::filesystem::path& file, std::int64_t vocabulary,
                                  std::int64_t mask) {
  data::LineReader lines(file, RowReaderOptions{}.max_line_bytes);
  std::vector<TrainingRow> rows;
  while (lines.next()) {
    const std::string where = message(file.string(), ":", lines.line_number());
    if (!lines.array_problem().empty())
      throw DataError(message(where, ": ", lines.array_problem()));
    if (data::is_blank(lines.line())) throw DataError(where + ": empty line");
    if (lines.is_too_long())
      throw DataError(message(where, ": the line has ", lines.num_bytes(), " bytes, the limit is ",
                              RowReaderOptions{}.max_line_bytes));
    const nlohmann::json row = parse_json(lines.line(), where);
    if (!row.is_object())
      throw DataError(message(where, ": a row must be a JSON object, is ", row.type_name()));
    TrainingRow encoded{.id = lines.number(), .answers = {}};
    for (const char* answer : {"chosen_ids", "rejected_ids"}) {
      Text text{ids_of(row, "prompt_ids", vocabulary, where),
                ids_of(row, answer, vocabulary, where), -1};
      if (const auto steps = row.find(answer == std::string_view("chosen_ids") ? "chosen_steps"
                                                                               : "rejected_steps");
          steps != row.end())
        text.reveal_step = recorded_steps(*steps, text.response.size(), where);
      refuse_mask_id(text.prompt, mask, where, "prompt_ids");
      refuse_mask_id(text.response, mask, where, answer);
      if (text.response.empty()) throw DataError(message(where, ": \"", answer, "\" is empty"));
      encoded.answers.push_back(std::move(text));
    }
    rows.push_back(std::move(encoded));
  }
  if (rows.empty()) throw DataError(message(file.string(), ": holds no rows"));
  return rows;
}

bool holds_ids(const std::filesystem::path& file) {
  data::LineReader lines(file, RowReaderOptions{}.max_line_bytes);
  while (lines.next())
    if (!data::is_blank(lines.line()))
      return lines.line().find("\"prompt_ids\"") != std::string::npos;
  throw DataError(message(file.string(), ": holds no rows"));
}

std::vector<TrainingRow> read_text(const ScoreRequest& request, const Tokenizer& tokenizer,
                                   const ScoreSettings& settings) {
  const auto file = read_preference_rows(request.file.string(), {});
  std::vector<SourceRow> rows;
  for (const PreferenceRow& row : file.rows)
    rows.push_back({.id = row.id,
                    .prompt = {},
                    .messages = row.prompt,
                    .answers = {row.chosen, row.rejected},
                    .place = message(request.file.string(), ':', row.id)});
  refuse_mask_text(rows, tokenizer);
  return encode_rows(
      rows, tokenizer,
      agreed_template(request.model,
                      request.settings.find("template") ? &settings.prompt_template : nullptr),
      {settings.response_length, settings.score_padding});
}

std::shared_ptr<Model> frozen(const std::filesystem::path& folder, const std::string& device) {
  auto model = load_model(folder, {.precision = trained_precision(folder),
                                   .device = at::Device(device),
                                   .max_length = 0,
                                   .reading = WeightReading::read,
                                   .placement = {}});
  model->set_trainable(false);
  return model;
}

void note_unbound(const ScoreRequest& request) {
  std::set<std::filesystem::path> folders = {request.model, request.reference};
  for (const auto& folder : folders)
    if (request.logger && std::filesystem::is_directory(folder) && !has_manifest(folder))
      request.logger->info(unbound_note(folder));
}

/// What is said of one answer over its repetitions.
Json summary(const std::vector<double>& scores, double standard_error) {
  Json json;
  json["score"] = scores.front();
  json["standard_error"] = std::isnan(standard_error) ? Json() : Json(standard_error);
  if (scores.size() < 2) return json;
  json["mean"] = mean(scores);
  json["variance"] = std::pow(standard_deviation(scores), 2);
  return json;
}

double error_of(ScorePlan plan, const std::vector<double>& readouts, bool is_difference) {
  if (is_difference) plan.replicate_constants.clear();  // the same on both sides
  return standard_errors({&plan, 1}, readouts).front();
}

struct Scorer {
  AnyForwardProcess process;
  AnyScoreEstimator estimator;
  ScoreEngine<AnyDenoiser> engine;
  Draws draws;
  std::int64_t repeat;
  std::filesystem::path file;  // what is named where a score is not finite
  std::string estimator_type;

  Json answer(const TrainingRow& row, std::size_t index) const {
    const Text& text = row.answers[index];
    std::vector<double> scores, differences;
    double own_error = 0, difference_error = 0;
    std::int64_t evaluated = 0;
    for (std::int64_t k = 0; k < repeat; ++k) {
      const ScorePlan plan = estimator.plan(
          text, process,
          TextDraws(draws, Purpose::evaluation, static_cast<std::uint64_t>(k), row.id, index));
      const std::vector<double> policy = engine.readouts({&plan, 1}, false);
      scores.push_back(finite(combine_one(plan, policy), "the model", row, index));
      std::vector<double> gap;
      if (engine.has_reference()) {
        const std::vector<double> base = engine.readouts({&plan, 1}, true);
        differences.push_back(scores.back() -
                              finite(combine_one(plan, base), "the reference", row, index));
        for (std::size_t q = 0; q < policy.size(); ++q) gap.push_back(policy[q] - base[q]);
      }
      if (k > 0) continue;
      own_error = error_of(plan, policy, false);
      evaluated = plan.copies();
      if (engine.has_reference()) difference_error = error_of(plan, gap, true);
    }
    Json json = summary(scores, own_error);
    const Target target = estimator.target(text.num_scored(), process);
    json["forward_passes"] = estimator.nominal_copies(text.num_scored());
    json["evaluated_passes"] = evaluated;
    json["target"] = target.name;
    json["is_unbiased"] = target.is_unbiased;
    if (!differences.empty()) json["difference"] = summary(differences, difference_error);
    return json;
  }

  /// A score that is no number is no answer: JSON would say null.
  double finite(double score, const char* whose, const TrainingRow& row, std::size_t index) const {
    if (std::isfinite(score)) return score;
    throw Error(message(file.string(), ":", row.id, ": the score of the ",
                        index == 0 ? "chosen" : "rejected", " answer under ", whose, " is ", score,
                        ", not finite\n  score estimator: ", estimator_type));
  }

  static double combine_one(const ScorePlan& plan, const std::vector<double>& readouts) {
    return combine({&plan, 1}, at::tensor(readouts, at::kDouble)).scores.item<double>();
  }
};

}  // namespace

namespace {

/// The folder's tokenizer; rows of ids do without one where the folder has none.
std::shared_ptr<const Tokenizer> scoring_tokenizer(const std::filesystem::path& folder,
                                                   bool has_ids) {
  return has_ids && !has_tokenizer(folder) ? nullptr : load_tokenizer(folder);
}

/// The id that stands for a mask: the process's own key, else the tokenizer's, else config.json's.
std::int64_t mask_id(const ScoreSettings& settings, const Tokenizer* tokenizer,
                     const Model& model) {
  const config::Member* own = settings.forward_process.table.find("mask_token");
  if (own && own->value.is_integer() && own->value.as_integer() >= 0)
    return own->value.as_integer();
  return tokenizer ? tokenizer->special().mask : model.shape().mask_token.value_or(-1);
}

/// Rows of token ids are scored as they stand: no key of a canvas is read.
void refuse_canvas_keys(const config::Value& given) {
  for (const char* key : {"response_length", "score_padding", "template"})
    if (given.find(key))
      throw ConfigError(message("--set ", key,
                                " is not read here: rows of token ids are scored "
                                "as they stand\n  remove it"));
}

/// The process that texts are noised by; the mask of a model without tokenizer is its config's.
AnyForwardProcess process_of(const ScoreRequest& request, const ScoreSettings& settings,
                             const Model& model, const Services& services) {
  ComponentRef<Role::forward_process> process = settings.forward_process;
  const config::Member* mask = process.table.find("mask_token");
  const bool has_mask = process.type() == "masked" || process.type() == "block_masked";
  const bool needs_mask = has_mask && (!mask || mask->value.as_integer() < 0);
  if (!services.tokenizer && needs_mask && model.shape().mask_token)
    process.table.set("mask_token", config::Value::integer(*model.shape().mask_token));
  auto made = services.registry.make<AnyForwardProcess>(process, services);
  if (const std::string problem =
          scoring_problem(saved_noise(request.model), request.model.string(), process.type(), made);
      !problem.empty() && !request.settings.find("forward_process"))
    throw ConfigError(
        message(problem, "\n  name the one you mean: --set forward_process.type=..."));
  return made;
}

}  // namespace

void score_file(const ScoreRequest& request, const Registry& registry,
                const std::function<void(const Json&)>& write) {
  config::Diagnostics diagnostics;
  const auto settings =
      config::read_options<ScoreSettings>(request.settings, diagnostics, "score", &registry);
  diagnostics.throw_if_any();
  note_unbound(request);
  const auto model = frozen(request.model, request.device);
  const auto reference =
      request.reference.empty() ? nullptr : frozen(request.reference, request.device);
  if (reference && reference->vocabulary_size() != model->vocabulary_size())
    throw ConfigError(message("--reference ", request.reference.string(), " has a vocabulary of ",
                              reference->vocabulary_size(), ", the model of ",
                              model->vocabulary_size()));
  const bool has_ids = holds_ids(request.file);
  if (has_ids) refuse_canvas_keys(request.settings);
  const std::shared_ptr<const Tokenizer> tokenizer = scoring_tokenizer(request.model, has_ids);
  const std::vector<TrainingRow> rows = has_ids
                                            ? read_ids(request.file, model->vocabulary_size(),
                                                       mask_id(settings, tokenizer.get(), *model))
                                            : read_text(request, *tokenizer, settings);
  const auto name = [&](std::size_t row) {
    return message(request.file.string(), ":", rows[row].id);
  };
  check_lengths(rows, name, model->shape().max_length, "score");
  const Services services{registry, Draws(request.draws_seed, "score"), tokenizer};
  const auto denoiser = [](const std::shared_ptr<Model>& network) {
    return std::make_shared<const AnyDenoiser>(network);
  };
  const Scorer scorer{
      process_of(request, settings, *model, services),
      registry.make<AnyScoreEstimator>(settings.score_estimator, services),
      ScoreEngine<AnyDenoiser>(denoiser(model), reference ? denoiser(reference) : nullptr,
                               request.device,
                               {.num_tokens = tokenizer ? tokenizer->vocabulary_size() : 0}),
      services.draws,
      request.repeat,
      request.file,
      std::string(settings.score_estimator.type())};
  std::int64_t index = 0;
  for (const TrainingRow& row : rows) {
    Json line = {{"row", index++}, {"line", row.id}};
    try {
      line["chosen"] = scorer.answer(row, 0);
      line["rejected"] = scorer.answer(row, 1);
    } catch (const DataError& error) {
      throw DataError(message(request.file.string(), ":", row.id, ": ", error.what()));
    }
    write(line);
  }
}

}  // namespace lldm
