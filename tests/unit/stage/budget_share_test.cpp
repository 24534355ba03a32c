// SPDX-License-Identifier: MIT
// A budget that is looked up leads to the steps that it would lead to afresh.
#include "stage/budget_share.hpp"

#include "support/catch.hpp"

using namespace lldm;

TEST_CASE("budgets of a file are those whose usable part a range holds", "[stage][plan]") {
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  for (const char* name : {"rtx4080", "cpu"}) {
    const DeviceProfile profile = find_profile(name);
    const std::int64_t room = profile.room().bytes, total = profile.memory.total.bytes;
    for (const BudgetRange& range :
         {BudgetRange{.from = 100 * kMiB, .below = 700 * kMiB, .without = false},
          BudgetRange{.from = 500 * kMiB, .below = BudgetRange::kNoEnd, .without = true},
          BudgetRange{.from = 200 * kMiB, .below = room + 1, .without = false},
          BudgetRange{.from = room - kMiB, .below = room, .without = false}}) {
      const BudgetRange of_file = in_budgets_of_files(range, profile, 1);
      INFO(name << ", from " << range.from << " below " << range.below);
      for (std::int64_t budget = 650 * kMiB; budget < 2 * total; budget += 37 * kMiB)
        CHECK(of_file.holds({budget}) == range.holds(profile.usable({budget})));
      for (const std::int64_t budget : {total - 1, total, total + 1, room, room + 1})
        CHECK(of_file.holds({budget}) == range.holds(profile.usable({budget})));
      CHECK(of_file.holds({0}) ==
            (profile.kind == "cpu" ? range.without : range.holds(profile.usable({0}))));
    }
  }
  // Two processes on one card: each has half of what the file says.
  const DeviceProfile card = find_profile("rtx4080");
  const BudgetRange range{.from = 100 * kMiB, .below = 700 * kMiB, .without = false};
  const BudgetRange of_two = in_budgets_of_files(range, card, 2);
  for (std::int64_t budget = 1300 * kMiB; budget < 3000 * kMiB; budget += 10 * kMiB)
    CHECK(of_two.holds({budget}) == range.holds(card.usable({budget / 2})));
}
