// SPDX-License-Identifier: MIT
// Rows of a stage without training, done by several processes: every row once, in order, on all.
#include "stage/shared_rows.hpp"

#include <mutex>
#include <set>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/processes.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::string rows_of(std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t row = begin; row < end; ++row) text += message(row, " ");
  return text;
}

}  // namespace

TEST_CASE("Every row is done once, and heard of in order by all", "[stage]") {
  for (const std::size_t count : {0UL, 1UL, 2UL, 7UL, 25UL}) {
    std::string alone;
    share_rows(nullptr, count, 4, rows_of, [&](const std::string& done) { alone += done; });
    CHECK(alone == rows_of(0, count));
    std::mutex mutex;
    std::multiset<std::size_t> begun;
    std::set<int> workers;
    const auto thrown = on_ranks(3, [&](const std::shared_ptr<ProcessGroup>& group) {
      std::string heard;
      const auto work = [&](std::size_t begin, std::size_t end) {
        const std::lock_guard lock(mutex);
        expect(begin < end && end - begin <= 4, "a part of at most 4 rows");
        for (std::size_t row = begin; row < end; ++row) begun.insert(row);
        workers.insert(group->rank());
        return rows_of(begin, end);
      };
      share_rows(group.get(), count, 4, work, [&](const std::string& done) { heard += done; });
      expect(heard == rows_of(0, count), "all rows in order");
    });
    for (const std::string& text : thrown) CHECK(text == "");
    CHECK(begun.size() == count);
    CHECK(std::set<std::size_t>(begun.begin(), begun.end()).size() == count);
    CHECK(workers.size() == std::min<std::size_t>(3, count));
  }
}

TEST_CASE("What a row throws in one process, all throw", "[stage]") {
  const auto thrown = on_ranks(2, [](const std::shared_ptr<ProcessGroup>& group) {
    share_rows(
        group.get(), 10, 2,
        [](std::size_t begin, std::size_t end) {
          if (begin <= 7 && 7 < end) throw DataError("row 7 is empty");
          return rows_of(begin, end);
        },
        [](const std::string&) {});
  });
  for (const std::string& text : thrown) CHECK_THAT(text, contains("row 7 is empty"));
}
