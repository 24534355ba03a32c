// SPDX-License-Identifier: MIT
#include "stage/label_file.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;

namespace {

AnyRows rows_of(int count) {
  AnyRows rows;
  rows.form = RowForm::ranked;
  for (int i = 1; i <= count; ++i) {
    SourceRow row{.id = static_cast<std::uint64_t>(i),
                  .prompt = {},
                  .messages = user_prompt("p" + std::to_string(i)),
                  .answers = {"a" + std::to_string(i), "b" + std::to_string(i)}};
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

const LabelFile::Origin kOrigin{.file = "answers.jsonl", .sha256 = "00", .by = "hand", .seed = 5};

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("A verdict on the shown order is one on the file's", "[stage][labels]") {
  const AnyRows rows = rows_of(1);
  const ShownPair as_is{&rows.rows[0], false}, swapped{&rows.rows[0], true};
  CHECK(as_is.shown_first() == "a1");
  CHECK(swapped.shown_first() == "b1");
  CHECK(as_is.of_shown(Preferred::first) == Preferred::first);
  CHECK(swapped.of_shown(Preferred::first) == Preferred::second);
  CHECK(swapped.of_shown(Preferred::second) == Preferred::first);
  CHECK(swapped.of_shown(Preferred::neither) == Preferred::neither);
}

TEST_CASE("Pairs and sides come in random orders that the seed alone decides", "[stage][labels]") {
  const testing::TemporaryFolder folder;
  const AnyRows rows = rows_of(200);
  const LabelFile labels(folder.path() / "a.jsonl", kOrigin),
      again(folder.path() / "b.jsonl", kOrigin);
  const auto open = labels.open_pairs(rows), same = again.open_pairs(rows);
  REQUIRE(open.size() == 200);
  std::set<std::uint64_t> seen;
  int swapped = 0, in_place = 0;
  for (std::size_t i = 0; i < open.size(); ++i) {
    CHECK(open[i].row->id == same[i].row->id);
    CHECK(open[i].is_swapped == same[i].is_swapped);
    seen.insert(open[i].row->id);
    swapped += open[i].is_swapped;
    in_place += open[i].row->id == i + 1;
  }
  CHECK(seen.size() == 200);
  CHECK((swapped > 70 && swapped < 130));
  CHECK(in_place < 10);
}

TEST_CASE("Verdicts outlive their process, also one that was torn", "[stage][labels]") {
  const testing::TemporaryFolder folder;
  const AnyRows rows = rows_of(6);
  const auto out = folder.path() / "pairs.jsonl";
  {
    LabelFile labels(out, kOrigin);
    const auto open = labels.open_pairs(rows);
    labels.add(open[0], Preferred::first);
    labels.add(open[1], Preferred::second);
    labels.add(open[2], Preferred::neither);
    labels.add(open[3], Preferred::skipped);
  }
  std::ofstream(out.string() + ".verdicts.jsonl", std::ios::app) << "{\"row\":1,\"verd";
  LabelFile labels(out, kOrigin);
  CHECK(labels.open_pairs(rows).size() == 2);
  CHECK(labels.count(Preferred::neither) == 1);
  CHECK(labels.write(rows) == 2);
  const AnyRows read = read_any_rows(out, {}, {RowForm::preference});
  CHECK(read.rows.size() == 2);
  int kept = 0;
  for (const SourceRow& row : read.rows) kept += row.answers[0].starts_with("a");
  CHECK(kept == 1);                 // the other's second answer was better
  CHECK(read.unused_keys.empty());  // "labelled" is a key of rows of ours
  const std::string before = content(out.string() + ".verdicts.jsonl");
  labels.add(labels.open_pairs(rows)[0], Preferred::first);
  CHECK(labels.undo());
  CHECK(content(out.string() + ".verdicts.jsonl") == before);
}

TEST_CASE("Verdicts of other rows, of another judge or another seed are refused",
          "[stage][labels]") {
  const testing::TemporaryFolder folder;
  const auto out = folder.path() / "pairs.jsonl";
  LabelFile::Origin other = kOrigin;
  other.seed = 6;
  {
    const LabelFile empty(out, kOrigin);
  }
  CHECK_NOTHROW(LabelFile(out, other));  // nothing is lost: no verdict was there
  const AnyRows rows = rows_of(2);
  const auto at = folder.path() / "others.jsonl";
  {
    LabelFile labels(at, kOrigin);
    labels.add(labels.open_pairs(rows)[0], Preferred::first);
  }
  CHECK_THROWS_WITH(LabelFile(at, other),
                    testing::contains("holds verdicts with seed = 5, asked is 6"));
  other = kOrigin;
  other.sha256 = "01";
  CHECK_THROWS_WITH(LabelFile(at, other), testing::contains("with sha256 = 00"));
}
