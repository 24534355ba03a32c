// SPDX-License-Identifier: MIT
#include "stage/ranked_rows.hpp"

#include <fstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::filesystem::path samples_of(const TemporaryFolder& folder) {
  const auto path = folder.path() / "samples.jsonl";
  std::ofstream out(path);
  const auto add = [&](int id, const char* response, double grade) {
    out << nlohmann::json{{"id", id},
                          {"prompt", "p" + std::to_string(id)},
                          {"response", response},
                          {"grade", grade}}
               .dump()
        << "\n";
  };
  add(1, "middle", 0.5), add(1, "worst", 0), add(1, "best", 1), add(1, "as good", 1);
  add(2, "one", 1), add(2, "other", 1);  // two answers, one grade
  add(3, "c", 0.2), add(3, "a", 0.9), add(3, "d", 0.1), add(3, "b", 0.8);
  return path;
}

}  // namespace

TEST_CASE("rank_samples: by falling grade, one of each, the best and the worst",
          "[experiment][ranked_rows]") {
  const TemporaryFolder folder;
  const auto path = samples_of(folder);
  const auto three = rank_samples(path, "pairs", 3, null_logger());
  REQUIRE(three.size() == 2);
  CHECK(three[0].prompt == "p1");
  CHECK(three[0].answers == std::vector<std::string>{"best", "middle", "worst"});
  CHECK(three[1].prompt == "p3");
  CHECK(three[1].answers == std::vector<std::string>{"a", "b", "d"});
  CHECK(three[1].id == 2);  // the prompt's place, whoever is left out
  const auto two = rank_samples(path, "pairs", 2, null_logger());
  REQUIRE(two.size() == 2);
  CHECK(two[0].answers == std::vector<std::string>{"best", "worst"});
}

TEST_CASE("rank_samples: too few grades everywhere, or no samples, is an error",
          "[experiment][ranked_rows]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(rank_samples(samples_of(folder), "pairs", 5, null_logger()),
                    contains("no prompt has answers of 5 grades"));
  CHECK_THROWS_WITH(rank_samples(folder.path() / "none.jsonl", "pairs", 2, null_logger()),
                    contains("only method = \"sample\" grades answers"));
}
