// SPDX-License-Identifier: MIT
#include "stage/generation.hpp"

#include "lldm/stage/model_bundle.hpp"

#include "lldm/errors.hpp"

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

}  // namespace

std::vector<Generated> generate(const RunContext& run, const Work& work, const ModelBundle& bundle,
                                const AnySampler& sampler, const std::vector<std::string>& prompts,
                                std::int64_t samples, const std::string& unit) {
  check_sampling(bundle.noise, bundle.folder.string(), run.logger);
  const AnyDenoiser denoiser{std::shared_ptr<Model>(bundle.model)};
  const TemplateOptions prompt_template = template_of(run, work, bundle.folder);
  std::vector<SampleRequest> requests;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto ids =
        encode_spans(render_prompt(prompt_template, user_prompt(prompts[p])), *bundle.tokenizer);
    for (std::int64_t answer = 0; answer < samples; ++answer)
      requests.push_back({.prompt = ids, .row = p, .answer = static_cast<std::uint64_t>(answer)});
  }
  std::vector<Generated> texts;
  texts.reserve(requests.size());
  run.options.observer->begin(run.label(work), unit, 0, static_cast<std::int64_t>(requests.size()));
  // In slices, so that progress shows and a stop is heard; results do not depend on the slicing.
  constexpr std::size_t kSlice = 256;
  for (std::size_t begin = 0; begin < requests.size(); begin += kSlice) {
    if (run.options.observer->should_stop())
      throw Stopped(message("stopped on request in stage ", run.label(work)));
    const auto slice =
        std::span(requests).subspan(begin, std::min(kSlice, requests.size() - begin));
    for (const SampledText& sampled : sample_slice(sampler, denoiser, slice)) {
      const std::size_t index = texts.size();
      texts.push_back({index / static_cast<std::size_t>(samples),
                       bundle.tokenizer->decode(sampled.tokens), sampled.num_forwards,
                       sampled.tokens, sampled.reveal_step});
    }
    run.options.observer->progress(static_cast<std::int64_t>(texts.size()), {});
  }
  run.options.observer->end();
  return texts;
}

std::vector<Example> limited(std::vector<Example> examples, std::int64_t limit) {
  if (limit > 0 && static_cast<std::size_t>(limit) < examples.size())
    examples.resize(static_cast<std::size_t>(limit));
  return examples;
}

}  // namespace lldm
