// SPDX-License-Identifier: MIT
#include "stage/seen_prompts.hpp"

#include <fstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::vector<SourceRow> rows_of(std::initializer_list<const char*> prompts) {
  std::vector<SourceRow> rows;
  for (const char* prompt : prompts)
    rows.push_back({.id = rows.size(), .prompt = prompt, .messages = {}, .answers = {"a"}});
  return rows;
}

}  // namespace

TEST_CASE("seen_prompts: of a model, and of those it was trained from",
          "[experiment][seen_prompts]") {
  const TemporaryFolder folder;
  const auto sft = folder.path() / "sft", tuned = folder.path() / "tuned";
  for (const auto& stage : {sft, tuned}) std::filesystem::create_directories(stage / "model");
  save_prompts(sft, rows_of({"p", "q"}), false, "");
  save_prompts(tuned, rows_of({"r", "r"}), false, sft / "model");
  const Result of_sft = count_shared({"p", "r", "x", "p"}, seen_prompts(sft / "model", false));
  CHECK(of_sft.dump() == R"({"prompts":3,"shared":1,"items":4,"shared_items":2,"is_known":true})");
  const Result of_tuned = count_shared({"p", "r", "x"}, seen_prompts(tuned / "best", false));
  CHECK(of_tuned.at("shared") == 2);
  CHECK(of_tuned.at("is_known") == true);
}

TEST_CASE("seen_prompts: a model from elsewhere is not known, and said to be",
          "[experiment][seen_prompts]") {
  const TemporaryFolder folder;
  const auto tuned = folder.path() / "tuned";
  std::filesystem::create_directories(tuned);
  save_prompts(tuned, rows_of({"r"}), false, folder.path() / "hub" / "model");
  const Result counts = count_shared({"r"}, seen_prompts(tuned / "model", false));
  CHECK(counts.at("shared") == 1);
  CHECK(counts.at("is_known") == false);
  CHECK(counts.at("unknown").front().get<std::string>().ends_with("hub/model"));
}

TEST_CASE("seen_prompts: texts are not compared with prompts, which is said",
          "[experiment][seen_prompts]") {
  const TemporaryFolder folder;
  const auto base = folder.path() / "base", sft = folder.path() / "sft";
  for (const auto& stage : {base, sft}) std::filesystem::create_directories(stage);
  save_prompts(base, rows_of({"p"}), true, "");
  save_prompts(sft, rows_of({"q"}), false, base / "model");
  const Result counts = count_shared({"p", "q"}, seen_prompts(sft / "model", false));
  CHECK(counts.at("shared") == 1);
  CHECK_FALSE(counts.at("is_known").get<bool>());
  CHECK_THAT(counts.at("unknown").front().get<std::string>(),
             contains("was trained on texts, which are not compared with prompts"));
  const Result texts = count_shared({"p"}, seen_prompts(base / "model", true));
  CHECK(texts.at("is_known").get<bool>());
}

TEST_CASE("seen_prompts: a damaged file is an error that names it", "[experiment][seen_prompts]") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "prompts.json") << "{\"prompts\": 3";
  CHECK_THROWS_WITH(seen_prompts(folder.path() / "model", false),
                    contains("prompts.json: not the prompts"));
}
