// SPDX-License-Identifier: MIT
// What a trainer does where a step does not fit into memory.
#include <algorithm>
#include <sstream>

#include "lldm/errors.hpp"
#include "memory/reclaim.hpp"
#include "model/head.hpp"
#include "train/trainer_step.hpp"

namespace lldm {

void TrainerCore::obey(const MemoryRetries& memory) {
  set_head_chunks({.trained_rows = setup_.head_rows, .halvings = memory.head_halvings});
  if (memory.max_tokens_per_forward == 0) return;
  EngineOptions options = engine_.options();
  options.max_tokens_per_forward = memory.max_tokens_per_forward;
  engine_.set_options(options);
  // The same gradient, graph by graph.
  if (setup_.path == GradientPath::retain) setup_.path = GradientPath::replay;
}

bool TrainerCore::shrink(const Step& short_of_memory, MemoryRetries& memory) {
  const std::int64_t tokens = short_of_memory.last.tokens, longest = short_of_memory.last.longest;
  std::int64_t most = std::min(engine_.options().max_tokens_per_forward, tokens);
  if (setup_.path == GradientPath::pairwise)  // an answer's copies at most
    most = std::min(most, engine_.options().pairwise_copies * longest);
  if (most <= longest && setup_.path != GradientPath::retain) return false;
  memory.max_tokens_per_forward = std::max(longest, most / 2);
  obey(memory);
  return true;
}

std::int64_t TrainerCore::halve_head_chunk(MemoryRetries& memory) const {
  if (!head_is_cut_by_rows()) return 0;
  const std::int64_t vocabulary = setup_.policy->vocabulary_size();
  const std::vector<NamedParameter> parameters = setup_.policy->parameters();
  const bool trains_all = std::ranges::all_of(
      parameters, [](const NamedParameter& one) { return one.value.requires_grad(); });
  const std::int64_t bytes =
      parameters.empty() ? 4 : static_cast<std::int64_t>(parameters.front().value.element_size());
  // Rows that exist at once: of a pass, whose queries are at most those of a micro-batch.
  const auto rows = [&](std::int64_t halvings) {
    set_head_chunks({.trained_rows = setup_.head_rows, .halvings = halvings});
    return std::min(head_rows_now(vocabulary, bytes, trains_all),
                    std::min(most_queries_, engine_.options().max_tokens_per_forward));
  };
  const std::int64_t before = rows(memory.head_halvings);
  constexpr std::int64_t kMost = 32;
  for (std::int64_t more = memory.head_halvings + 1; more <= kMost; ++more) {
    const std::int64_t after = rows(more);
    if (after >= before) continue;  // chunks were larger than what there is
    memory.head_halvings = more;
    return (before - after) * vocabulary * bytes;
  }
  set_head_chunks({.trained_rows = setup_.head_rows, .halvings = memory.head_halvings});
  return 0;
}

bool TrainerCore::make_room(const Step& short_of_memory, bool has_shrunk,
                            TrainingObserver& observer, MemoryRetries& memory) const {
  for (const NamedParameter& parameter : setup_.policy->parameters())
    if (at::Tensor gradient = parameter.value.grad(); gradient.defined()) gradient.zero_();
  const std::vector<memory::Reclaimed> given = memory::reclaim_all();
  for (const memory::Reclaimed& one : given)
    observer.on_reclaim(short_of_memory.index, name_of(one.step), one.bytes);
  // A process without rows in this step has nothing to shrink.
  const bool is_idle = setup_.group && short_of_memory.last.tokens == 0;
  if (!has_shrunk && given.empty() && !is_idle) return false;
  ++memory.count;
  return true;
}

std::string retry_text(const MemoryRetries& memory) {
  return message(memory.max_tokens_per_forward, " ", memory.head_halvings);
}

void take_smallest(const std::vector<std::string>& texts, MemoryRetries& memory) {
  for (const std::string& text : texts) {
    std::istringstream words(text);
    std::int64_t tokens = 0, halvings = 0;
    words >> tokens >> halvings;
    std::int64_t& own = memory.max_tokens_per_forward;
    if (tokens > 0) own = own > 0 ? std::min(own, tokens) : tokens;
    memory.head_halvings = std::max(memory.head_halvings, halvings);
  }
}

}  // namespace lldm
