// SPDX-License-Identifier: MIT
#include "stage/heavy_batches.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace lldm {
namespace {

constexpr std::size_t kMostLooked = 8;                         // micro-batches with most tokens
constexpr std::int64_t kMostRowsSeen = std::int64_t{1} << 24;  // rows whose order is looked at

/// What one process scores together of a step whose rows end at `row_ends`: processes share rows,
/// of a corpus the texts in them.
std::vector<StepPart> parts_of_step(const StepParts& parts, const StepSharing& sharing,
                                    const std::vector<std::size_t>& row_ends) {
  std::vector<std::size_t> ends;
  const auto size = static_cast<std::size_t>(rows_per_micro_batch(parts));
  for (std::size_t end = 0; end < row_ends.size();) {
    end = std::min(row_ends.size(), end + size);
    ends.push_back(row_ends[end - 1]);
  }
  return shared_parts(ends, sharing);
}

/// The most rows of a whole step that one process scores together.
std::int64_t largest_part(const StepParts& parts, const StepSharing& sharing) {
  std::vector<std::size_t> row_ends(static_cast<std::size_t>(
      parts.optimizer.batch_size * parts.optimizer.gradient_accumulation_steps));
  std::iota(row_ends.begin(), row_ends.end(), std::size_t{1});
  std::size_t most = 0;
  for (const StepPart& part : parts_of_step(parts, sharing, row_ends))
    most = std::max(most, part.end - part.begin);
  return static_cast<std::int64_t>(most);
}

BatchRows heaviest_rows(const RowLoads& loads, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(loads.rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::int64_t row) { return tokens_of(loads.of(row)); });
  BatchRows rows;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    rows.push_back({order[i % order.size()], 0});
  return rows;
}

struct Batch {
  std::int64_t number = -1, size = 0;  // of the stage's; by what it is compared
  BatchRows rows = {};
};

/// The largest by one measure, or the `most` largest.
class Largest {
 public:
  using Measure = std::function<std::int64_t(std::span<const TextLoad>)>;
  Largest(Measure measure, std::size_t most) : measure_(std::move(measure)), most_(most) {}

  void look(std::int64_t number, std::span<const RowOrder::Entry> rows,
            std::span<const TextLoad> texts) {
    const std::int64_t size = measure_(texts);
    if (batches_.size() == most_ && size <= batches_.back().size) return;
    if (batches_.size() == most_) batches_.pop_back();
    const auto place = std::ranges::upper_bound(batches_, size, std::greater<>(), &Batch::size);
    batches_.insert(place, {number, size, BatchRows(rows.begin(), rows.end())});
  }
  [[nodiscard]] const std::vector<Batch>& batches() const { return batches_; }

 private:
  Measure measure_;
  std::size_t most_;
  std::vector<Batch> batches_;  // the largest first; the first of equal ones
};

/// By all that passes may hold: what the file says, and what choose_step takes where it is open.
std::vector<Largest> measures(std::int64_t asked, std::int64_t whole, std::int64_t longest,
                              bool has_patterns) {
  std::vector<Largest> list;
  list.emplace_back(tokens_of, kMostLooked);
  const auto largest_by = [](auto size_of) {
    return [=](std::span<const TextLoad> texts) {
      std::int64_t most = 0;
      for (const TextLoad& text : texts) most = std::max(most, size_of(text));
      return most;
    };
  };
  list.emplace_back(largest_by([](const TextLoad& text) { return text.tokens(); }), 1);
  list.emplace_back(largest_by([](const TextLoad& text) { return text.length; }), 1);
  if (has_patterns)  // every text's mask is its square
    list.emplace_back(
        [](std::span<const TextLoad> texts) {
          std::int64_t masks = 0;
          for (const TextLoad& text : texts) masks += text.length * text.length;
          return masks;
        },
        kMostLooked);
  const auto add = [&](std::int64_t tokens) {
    list.emplace_back([=](std::span<const TextLoad> texts) { return largest_pass(texts, tokens); },
                      1);
  };
  if (asked > 0)
    add(asked);
  else
    for (std::int64_t tokens = std::min(whole, std::max(kMostPassTokens, longest));
         tokens > longest; tokens /= 2)
      add(tokens);
  return list;
}

/// Calls use(number, rows, texts) for every micro-batch of the first `steps` of the stage.
void each_batch(const StepParts& parts, const TrainingSetup& setup, const StepSharing& sharing,
                const RowLoads& loads, std::int64_t steps, const auto& use) {
  const std::int64_t rows = loads.rows;
  RowOrder order(setup.draws, rows,
                 parts.optimizer.batch_size * parts.optimizer.gradient_accumulation_steps,
                 setup.source ? Shuffle::counter : Shuffle::table);
  std::int64_t number = 0;
  std::vector<std::size_t> row_ends;
  std::vector<TextLoad> texts;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto entries = order.step(step, parts.optimizer.row_limit(rows));
    row_ends.clear();
    for (const auto& entry : entries) {
      const std::size_t own = loads.of(entry.row).size();
      row_ends.push_back((row_ends.empty() ? 0 : row_ends.back()) + (setup.source ? own : 1));
    }
    for (const StepPart& part : parts_of_step(parts, sharing, row_ends)) {
      if (part.begin == part.end) continue;
      // Whole rows: processes may divide the texts of one.
      const auto first = std::ranges::upper_bound(row_ends, part.begin) - row_ends.begin(),
                 last = std::ranges::lower_bound(row_ends, part.end) - row_ends.begin() + 1;
      const auto own = std::span(entries).subspan(static_cast<std::size_t>(first),
                                                  static_cast<std::size_t>(last - first));
      texts.clear();
      for (const auto& entry : own) {
        const MicroBatchLoad& row = loads.of(entry.row);
        texts.insert(texts.end(), row.begin(), row.end());
      }
      use(number++, own, std::span<const TextLoad>(texts));
    }
  }
}

}  // namespace

const MicroBatchLoad& RowLoads::of(std::int64_t row) const {
  static const MicroBatchLoad kNone;
  if (!all.empty()) return all[static_cast<std::size_t>(row)];
  const auto found = some.find(row);
  return found == some.end() ? kNone : found->second;
}

std::int64_t rows_per_micro_batch(const StepParts& parts) {
  return parts.optimizer.batch_size *
         (parts.needs.use == ScoreUse::coupled ? parts.optimizer.gradient_accumulation_steps : 1);
}

std::int64_t largest_pass(std::span<const TextLoad> texts, std::int64_t max_tokens) {
  std::int64_t most = 0, held = 0;
  for (const TextLoad& text : texts) {
    if (text.length <= 0 || text.copies <= 0) continue;
    const std::int64_t fit = std::max<std::int64_t>(0, (max_tokens - held) / text.length);
    std::int64_t left = text.copies - std::min(fit, text.copies);
    held += (text.copies - left) * text.length;
    most = std::max(most, held);
    if (left == 0) continue;
    const std::int64_t full = std::max<std::int64_t>(1, max_tokens / text.length);
    most = std::max(most, std::min(left, full) * text.length);
    left -= (left - 1) / full * full;
    held = left * text.length;
  }
  return most;
}

std::vector<BatchRows> first_batches(const StepParts& parts, const TrainingSetup& setup,
                                     const StepSharing& sharing, const RowLoads& loads,
                                     std::int64_t most) {
  const std::int64_t steps = std::min(most, loads.steps);
  std::vector<BatchRows> list;
  each_batch(parts, setup, sharing, loads, steps, [&](std::int64_t number, auto rows, auto) {
    if (number < most) list.emplace_back(rows.begin(), rows.end());
  });
  return list;
}

std::vector<BatchRows> heavy_batches(const StepParts& parts, const TrainingSetup& setup,
                                     const StepSharing& sharing, const RowLoads& loads) {
  const std::int64_t steps = loads.steps;
  const std::int64_t per_step =
      parts.optimizer.batch_size * parts.optimizer.gradient_accumulation_steps;
  if (steps > kMostRowsSeen / per_step) return {heaviest_rows(loads, largest_part(parts, sharing))};
  std::int64_t whole = 0, longest = 0;
  each_batch(parts, setup, sharing, loads, steps,
             [&](std::int64_t /*number*/, auto /*rows*/, auto texts) {
               whole = std::max(whole, tokens_of(texts));
               for (const TextLoad& text : texts) longest = std::max(longest, text.length);
             });
  for (const MicroBatchLoad& row : loads.all)
    for (const TextLoad& text : row) longest = std::max(longest, text.length);
  std::vector<Largest> all =
      measures(setup.engine.max_tokens_per_forward, whole, longest, parts.process.block_size() > 0);
  each_batch(parts, setup, sharing, loads, steps, [&](std::int64_t number, auto batch, auto texts) {
    for (Largest& largest : all) largest.look(number, batch, texts);
  });
  std::vector<BatchRows> list;
  std::vector<std::int64_t> taken;
  for (const Largest& largest : all)
    for (const Batch& batch : largest.batches()) {
      if (std::ranges::find(taken, batch.number) != taken.end()) continue;
      taken.push_back(batch.number);
      list.push_back(batch.rows);
    }
  return list;
}

}  // namespace lldm
