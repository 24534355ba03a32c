// SPDX-License-Identifier: MIT
#include "lldm/sampler/diffusion_sampler.hpp"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

#include "candidate_evaluation.hpp"
#include "lldm/errors.hpp"
#include "lldm/sampler/commit.hpp"
#include "row_state.hpp"

namespace lldm {
namespace {

void check_request(const SampleRequest& request, const SamplerParts& parts,
                   std::int64_t vocabulary_size) {
  const auto where = [&] { return message("sampler: prompt of row ", request.row); };
  if (!request.visible.empty() && request.visible.size() != request.prompt.size())
    throw ShapeError(message(where(), ": visible must have one flag for each of the ",
                             request.prompt.size(), " tokens, got ", request.visible.size()));
  for (std::size_t i = 0; i < request.prompt.size(); ++i) {
    const std::int64_t token = request.prompt[i];
    if (token == parts.mask && !parts.keeps_open_masks)
      throw DataError(
          message(where(), " holds the mask token ", token, " at position ", i,
                  "\n  legal: clean tokens; compat = \"llada\" fills masks of the prompt"));
    if (token != parts.mask && (token < 0 || token >= vocabulary_size))
      throw DataError(message(where(), ": token ", token, " at position ", i,
                              " is outside the vocabulary\n  legal: 0 to ", vocabulary_size - 1));
  }
}

// Rows of equal length next to one another: models evaluate equal lengths together.
std::vector<std::int64_t> by_length(std::span<const SampleRequest> requests) {
  std::vector<std::int64_t> order(requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::int64_t i) {
    return requests[static_cast<std::size_t>(i)].prompt.size();
  });
  return order;
}

void commit_step(RowState& row, std::span<const Candidate> candidates, const SamplerParts& parts,
                 const NoiseSource& noise) {
  const std::int64_t quota = row.quota();
  if (quota == 0) return;
  const NoiseKey key = row.noise_key();
  auto confidences = noise.recorded_confidences(key, row.candidate_columns());
  if (!confidences) {
    Stream draws = noise.order_stream(key);
    confidences = parts.order.confidence(candidates, draws);
  }
  if (confidences->size() != candidates.size())
    throw ShapeError(message("sampler: the commit rule returned ", confidences->size(),
                             " confidences for ", candidates.size(), " candidates"));
  for (const std::int64_t i : highest(*confidences, quota)) {
    const Candidate& chosen = candidates[static_cast<std::size_t>(i)];
    row.commit(chosen.position, chosen.token);
  }
}

}  // namespace

std::vector<SampledText> sample_with(const StepModel& model, const SamplerParts& parts,
                                     std::span<const SampleRequest> requests,
                                     const NoiseSource& noise, Trace trace) {
  const c10::AutoGradMode no_gradients(false);
  for (const SampleRequest& request : requests)
    check_request(request, parts, model.vocabulary_size());

  const CandidateEvaluation evaluate(model, parts, noise);
  const std::vector<std::int64_t> queue = by_length(requests);
  auto next = queue.begin();
  std::vector<SampledText> results(requests.size());
  std::vector<RowState> open;
  while (next != queue.end() || !open.empty()) {
    for (; next != queue.end() && std::ssize(open) < parts.batch_size; ++next)
      open.emplace_back(parts, requests[static_cast<std::size_t>(*next)], *next, trace);
    const auto candidates = evaluate(open);
    for (std::size_t r = 0; r < open.size(); ++r) {
      commit_step(open[r], candidates[r], parts, noise);
      open[r].advance();
      if (open[r].is_done())
        results[static_cast<std::size_t>(open[r].slot())] = open[r].take_result();
    }
    std::erase_if(open, [](const RowState& row) { return row.is_done(); });
  }
  return results;
}

template class DiffusionSampler<AnyDenoiser>;

}  // namespace lldm
