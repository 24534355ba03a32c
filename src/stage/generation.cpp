// SPDX-License-Identifier: MIT
#include "stage/generation.hpp"

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "lldm/config/document.hpp"
#include "lldm/stage/model_bundle.hpp"

#include "lldm/errors.hpp"
#include "lldm/sampler/tokens_only.hpp"
#include "memory/in_memory.hpp"
#include "sampler/non_finite_logit.hpp"
#include "stage/mask_in_data.hpp"
#include "stage/score_labels.hpp"
#include "stage/shared_rows.hpp"

namespace lldm {

namespace {

/// A canvas that does not fit shows in the model; what to do about it is known here.
std::vector<SampledText> sample_slice(const AnySampler& sampler, const AnyDenoiser& denoiser,
                                      std::span<const SampleRequest> slice) {
  try {
    return sampler.sample(denoiser, slice);
  } catch (const ShapeError& error) {
    throw ConfigError(message("prompt and answer do not fit the model: ", error.what(),
                              "\n  a smaller [sampler] response_length leaves more room"));
  }
}

/// Who is named when a logit is not finite.
struct GenerationNames {
  std::string where, denoiser;
  const std::vector<std::string>& prompts;
};

std::vector<SampledText> sampled_or_named(const AnySampler& sampler, const AnyDenoiser& denoiser,
                                          std::span<const SampleRequest> slice,
                                          const GenerationNames& names) {
  try {
    return sample_slice(sampler, denoiser, slice);
  } catch (const NonFiniteLogit& error) {
    throw Error(message(names.where, ": a logit is not finite\n  from ", names.denoiser,
                        ", of prompt ", error.row() + 1, ": ",
                        config::in_quotes(names.prompts[error.row()])));
  }
}

/// Samples slices in as many calls as memory asks for: texts are the same however they are cut.
class SamplingInMemory {
 public:
  using Sample = std::function<std::vector<SampledText>(std::span<const SampleRequest>)>;

  SamplingInMemory(Sample sample, std::function<void(std::size_t)> tell)
      : sample_(std::move(sample)), tell_(std::move(tell)) {}

  std::vector<SampledText> operator()(std::span<const SampleRequest> slice) {
    if (slice.size() <= most_) {
      try {
        return memory::in_memory([&] { return sample_(slice); });
      } catch (const OutOfMemory& error) {
        if (slice.size() == 1)
          throw OutOfMemory(message(memory::without_advice(error.what()),
                                    "\n  one answer is sampled by itself already: a smaller "
                                    "[sampler] response_length or a larger [memory] budget helps"));
      }
      most_ = slice.size() / 2;
      tell_(most_);
    }
    const std::size_t half = slice.size() / 2;
    std::vector<SampledText> texts = (*this)(slice.first(half));
    for (SampledText& text : (*this)(slice.subspan(half))) texts.push_back(std::move(text));
    return texts;
  }

 private:
  Sample sample_;
  std::function<void(std::size_t)> tell_;
  std::size_t most_ = std::numeric_limits<std::size_t>::max();
};

/// What is read of sampled texts, exactly.
std::string packed(const std::vector<SampledText>& texts) {
  nlohmann::json rows = nlohmann::json::array();
  for (const SampledText& text : texts)
    rows.push_back({text.tokens, text.reveal_step, text.num_forwards});
  std::string bytes;
  nlohmann::json::to_cbor(rows, bytes);
  return bytes;
}

/// The stage or folder whose model writes in this work.
std::string model_of(const RunContext& run, const Work& work) {
  if (!work.model.empty()) return work.model;
  return std::string(run.schedule.stage_of(work).resolved.text_of("from"));
}

}  // namespace

std::vector<Generated> generate(const RunContext& run, const Work& work, const ModelBundle& bundle,
                                const AnySampler& sampler, const std::vector<Prompt>& prompts,
                                std::int64_t samples, const std::string& unit) {
  check_sampling(bundle.noise, bundle.folder.string(), run.logger);
  const AnyDenoiser denoiser = tokens_only(AnyDenoiser{std::shared_ptr<Model>(bundle.model)},
                                           bundle.tokenizer->vocabulary_size());
  std::vector<std::string> texts_asked;
  for (const Prompt& prompt : prompts) texts_asked.push_back(prompt.text);
  refuse_mask_text(texts_asked, message("stage \"", run.label(work), "\""), *bundle.tokenizer);
  const auto encoded =
      encode_prompts(prompts, template_of(run, work, bundle.folder), *bundle.tokenizer,
                     {.max_length = bundle.model->shape().max_length,
                      .response_length = sampler.response_length()},
                     message("stage \"", work.stage, "\""));
  std::vector<SampleRequest> requests;
  for (std::size_t p = 0; p < prompts.size(); ++p)
    for (std::int64_t answer = 0; answer < samples; ++answer)
      requests.push_back(
          {.prompt = encoded[p], .row = p, .answer = static_cast<std::uint64_t>(answer)});
  const GenerationNames names{message("stage \"", run.label(work), "\""),
                              denoiser_label(run, work, model_of(run, work)), texts_asked};
  SamplingInMemory sample(
      [&](std::span<const SampleRequest> slice) {
        return sampled_or_named(sampler, denoiser, slice, names);
      },
      [&](std::size_t most) {
        run.logger.warning(message("stage ", run.label(work),
                                   ": sampling does not fit into memory: done again, from here on "
                                   "at most ",
                                   most, " answers at once"));
      });
  std::vector<Generated> texts;
  texts.reserve(requests.size());
  run.options.observer->begin(run.label(work), unit, 0, static_cast<std::int64_t>(requests.size()));
  // In slices, so that progress shows and a stop is heard; results depend neither on the slicing
  // nor on who does which.
  constexpr std::size_t kSlice = 256;
  share_rows(
      run.options.group.get(), requests.size(), kSlice,
      [&](std::size_t begin, std::size_t end) {
        stop_if_asked(run, work);
        return packed(sample(std::span(requests).subspan(begin, end - begin)));
      },
      [&](const std::string& done) {
        for (const auto& row : nlohmann::json::from_cbor(done)) {
          const std::size_t prompt = texts.size() / static_cast<std::size_t>(samples);
          auto tokens = row.at(0).get<std::vector<std::int64_t>>();
          texts.push_back({prompt, bundle.tokenizer->decode(tokens), row.at(2).get<std::int64_t>(),
                           tokens, row.at(1).get<std::vector<std::int64_t>>()});
        }
        run.options.observer->progress(static_cast<std::int64_t>(texts.size()), {});
      });
  run.options.observer->end();
  return texts;
}

void FailedChecks::note(const Example& example, const Verdict& verdict) {
  if (verdict.failure.empty()) return;
  if (count_++ == 0) first_ = message("item ", example.id, ": ", verdict.failure);
}

void FailedChecks::tell(const RunContext& run, const Work& work, std::size_t of) const {
  if (count_ > 0 && static_cast<std::size_t>(count_) == of)
    throw DataError(message("stage ", run.label(work), ": the check of all ", of,
                            " answers failed: nothing was measured\n  ", first_,
                            "\n  a checker that works replies to a wrong answer too "
                            "(docs/concepts/task.md)"));
  if (count_ > 0)
    run.logger.warning(message("stage ", run.label(work), ": the check of ", count_, " of ", of,
                               " answers failed; they count as not correct\n  ", first_));
}

Verdict check_answer(const RunContext& run, const Work& work, const AnyTask& task,
                     const Example& example, const std::string& answer) {
  stop_if_asked(run, work);
  return task.check(example, answer);
}

std::vector<Example> limited(std::vector<Example> examples, std::int64_t limit) {
  if (limit > 0 && static_cast<std::size_t>(limit) < examples.size())
    examples.resize(static_cast<std::size_t>(limit));
  return examples;
}

}  // namespace lldm
