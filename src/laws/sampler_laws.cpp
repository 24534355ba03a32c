// SPDX-License-Identifier: MIT
#include "lldm/laws/sampler_laws.hpp"

#include <algorithm>
#include <memory>

#include "laws/fake_denoiser.hpp"
#include "lldm/errors.hpp"

namespace lldm::laws {
namespace {

using Tokens = std::vector<std::int64_t>;

/// The hash model with a log of every sequence that it was shown.
class Watched {
 public:
  explicit Watched(std::int64_t vocabulary) : inner_({.vocabulary_size = vocabulary}) {}
  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    const at::Tensor tokens = batch.tokens.contiguous();
    const auto* first = tokens.const_data_ptr<std::int64_t>();
    for (std::size_t b = 0; b + 1 < batch.offsets.size(); ++b)
      seen_->emplace_back(first + batch.offsets[b], first + batch.offsets[b + 1]);
    return inner_.hidden(batch);
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return inner_.log_probabilities(rows, targets);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const { return inner_.logits(rows); }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return {}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return inner_.vocabulary_size(); }
  [[nodiscard]] const std::vector<Tokens>& seen() const { return *seen_; }

 private:
  FakeDenoiser inner_;
  std::shared_ptr<std::vector<Tokens>> seen_ = std::make_shared<std::vector<Tokens>>();
};

struct Subject {
  AnySampler sampler;
  std::int64_t vocabulary, mask;
};

const std::vector<SampleRequest>& requests() {
  static const std::vector<SampleRequest> list{{.prompt = {1, 2, 3}, .row = 5},
                                               {.prompt = {4, 5, 6, 7, 8}, .row = 6},
                                               {.prompt = {9, 1}, .row = 6, .answer = 1}};
  return list;
}

std::vector<SampledText> sample(const Subject& subject, std::span<const SampleRequest> asked,
                                const std::shared_ptr<Watched>& model) {
  return subject.sampler.sample(AnyDenoiser(model), asked);
}
std::vector<SampledText> sample(const Subject& subject, std::span<const SampleRequest> asked) {
  return sample(subject, asked, std::make_shared<Watched>(subject.vocabulary));
}

Finding check_answers(const Subject& subject) {
  const std::vector<SampledText> texts = sample(subject, requests());
  const std::int64_t length = subject.sampler.response_length();
  if (texts.size() != requests().size())
    return fails(message(texts.size(), " answers to ", requests().size(), " requests"),
                 "one answer per request, in their order");
  if (!sample(subject, {}).empty()) return fails("answers to no request", "none");
  for (std::size_t r = 0; r < texts.size(); ++r) {
    if (static_cast<std::int64_t>(texts[r].tokens.size()) != length)
      return fails(message("answer ", r, " has ", texts[r].tokens.size(), " tokens"),
                   message("response_length() = ", length));
    for (const std::int64_t token : texts[r].tokens)
      if (token < 0 || token >= subject.vocabulary)
        return fails(message("answer ", r, " holds token ", token),
                     message("ids of the model, [0, ", subject.vocabulary, ")"));
  }
  return holds(message(texts.size(), " answers of ", length, " tokens"));
}

Finding check_masks(const Subject& subject) {
  for (const SampledText& text : sample(subject, requests()))
    if (const auto masks = std::count(text.tokens.begin(), text.tokens.end(), subject.mask);
        masks > 0)
      return fails(message(masks, " masks are left in an answer of ", text.tokens.size()),
                   "every position holds a token");
  return holds("no mask in three answers");
}

/// What the model reads begins with a request's prompt, or with that prompt masked (guidance).
Finding check_prompt(const Subject& subject) {
  const auto model = std::make_shared<Watched>(subject.vocabulary);
  (void)sample(subject, requests(), model);
  if (model->seen().empty()) return fails("the model was never asked", "at least one forward");
  for (const Tokens& tokens : model->seen()) {
    const bool is_known = std::ranges::any_of(requests(), [&](const SampleRequest& request) {
      const Tokens& prompt = request.prompt;
      if (tokens.size() < prompt.size()) return false;
      const auto end = tokens.begin() + static_cast<std::ptrdiff_t>(prompt.size());
      return std::equal(prompt.begin(), prompt.end(), tokens.begin()) ||
             std::all_of(tokens.begin(), end, [&](auto id) { return id == subject.mask; });
    });
    if (is_known) continue;
    std::string begin;
    for (std::size_t i = 0; i < std::min<std::size_t>(5, tokens.size()); ++i)
      begin += message(i == 0 ? "" : " ", tokens[i]);
    return fails("the model was shown a text that begins " + begin,
                 "texts that begin with a request's prompt, unchanged");
  }
  return holds(message(model->seen().size(), " texts shown to the model"));
}

Finding check_alone(const Subject& subject) {
  const std::vector<SampledText> together = sample(subject, requests());
  std::vector<SampleRequest> turned(requests().rbegin(), requests().rend());
  const std::vector<SampledText> other = sample(subject, turned);
  for (std::size_t r = 0; r < requests().size(); ++r) {
    const Tokens alone = sample(subject, std::span(&requests()[r], 1)).at(0).tokens;
    if (alone != together.at(r).tokens || other.at(requests().size() - 1 - r).tokens != alone)
      return fails(message("answer ", r, " depends on the requests beside it"),
                   "an answer is a function of its own request");
  }
  return holds("three requests together, turned and alone");
}

Finding check_repeats(const Subject& subject) {
  const std::vector<SampledText> first = sample(subject, requests());
  const std::vector<SampledText> second = sample(subject, requests());
  for (std::size_t r = 0; r < first.size(); ++r)
    if (first[r].tokens != second.at(r).tokens)
      return fails(message("answer ", r, " is another the second time"),
                   "a function of request, settings, seed and model");
  return holds("three answers twice");
}

}  // namespace

std::vector<Law> sampler_laws(const AnySampler& sampler, std::int64_t vocabulary,
                              std::int64_t mask) {
  const Subject subject{sampler, vocabulary, mask};
  return {{"one answer of the asked length per request", [=] { return check_answers(subject); }},
          {"no mask is left", [=] { return check_masks(subject); }},
          {"the prompt is left as it is", [=] { return check_prompt(subject); }},
          {"an answer does not depend on the other requests", [=] { return check_alone(subject); }},
          {"equal requests give equal answers", [=] { return check_repeats(subject); }}};
}

}  // namespace lldm::laws
