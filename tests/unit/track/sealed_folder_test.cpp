// SPDX-License-Identifier: MIT
#include "storage/sealed_folder.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/storage/sha256.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;
using testing::TemporaryFolder;

namespace {

constexpr const char* kRows = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";

std::filesystem::path published(const TemporaryFolder& folder) {
  PublishedFolder made(folder / "model");
  made.add("config.json", "{}");
  made.add("rows.jsonl", kRows);
  made.add("weights.safetensors", "weights");
  made.publish();
  return folder / "model";
}

std::string problem_of(const std::filesystem::path& folder) {
  try {
    SealedFolder(folder).explain();
    return "";
  } catch (const DataError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("SealedFolder: a whole folder passes, and one without a manifest", "[track]") {
  const TemporaryFolder folder;
  const auto path = published(folder);
  CHECK(SealedFolder(path).has_manifest());
  CHECK(problem_of(path).empty());
  CHECK(SealedFolder(path).read("rows.jsonl") == kRows);
  std::filesystem::remove(path / "MANIFEST.json");
  testing::write_file(path / "config.json", "{ }");
  CHECK_FALSE(SealedFolder(path).has_manifest());
  CHECK(problem_of(path).empty());
  CHECK(read_sealed(path / "config.json") == "{ }");
}

TEST_CASE("SealedFolder names the row of a JSONL file that was changed", "[track]") {
  const TemporaryFolder folder;
  const auto path = published(folder);
  testing::write_file(path / "rows.jsonl", "{\"id\":1}\n{\"id\":7}\n{\"id\":3}\n");
  const std::string damage = path.string() +
                             ": damaged since it was written\n  rows.jsonl:2: this row is not the "
                             "one that was written\n  ";
  CHECK(problem_of(path) == damage + "copy it again from the run that wrote it, or fetch it again");
  testing::write_file(folder / "work.json", "{}");
  CHECK(problem_of(path) == damage + "to have the stage that wrote it write it again, remove " +
                                folder.path().string() +
                                " and give the same command of its run again");
  CHECK_THROWS_AS(SealedFolder(path).read("rows.jsonl"), DataError);
  testing::write_file(path / "rows.jsonl", "{\"id\":1}\n");
  CHECK_THAT(problem_of(path), contains("rows.jsonl: ends before row 3 is whole"));
  testing::write_file(path / "rows.jsonl", std::string(kRows) + "{}\n");
  CHECK_THAT(problem_of(path), contains("rows.jsonl:4: this row"));
  std::filesystem::remove(path / "rows.jsonl");
  CHECK_THAT(problem_of(path), contains("rows.jsonl: missing"));
  CHECK_THROWS_WITH(SealedFolder(path).read("rows.jsonl"), contains("rows.jsonl: missing"));
}

TEST_CASE("SealedFolder: what is hashed while it is read is compared by `require`", "[track]") {
  const TemporaryFolder folder;
  const auto path = published(folder);
  const SealedFolder sealed(path);
  testing::write_file(path / "weights.safetensors", "weighty");
  CHECK_NOTHROW(sealed.check([](const std::string& name) { return name == "config.json"; }));
  CHECK_THROWS_WITH(sealed.require("weights.safetensors", 7, sha256_hex("weighty")),
                    contains("weights.safetensors: its content"));
  CHECK_THROWS_WITH(sealed.require("weights.safetensors", 8, sha256_hex("weights")),
                    contains("weights.safetensors: 8 bytes"));
  CHECK_NOTHROW(sealed.require("weights.safetensors", 7, sha256_hex("weights")));
  CHECK_NOTHROW(sealed.require("unlisted", 7, "any"));
}

TEST_CASE("SealedFolder refuses a damaged manifest by name", "[track]") {
  const TemporaryFolder folder;
  const auto path = published(folder);
  auto text = testing::read_file(path / "MANIFEST.json");
  text[text.find("rows.jsonl")] = 'R';
  testing::write_file(path / "MANIFEST.json", text);
  CHECK_THROWS_WITH(SealedFolder(path), contains("MANIFEST.json: damaged"));
}

TEST_CASE("One file after another is bound by the manifest beside it", "[track][sealed_folder]") {
  TemporaryFolder folder;
  write_sealed(folder / "report.json", "{}");
  lldm::testing::write_file(folder / "metrics.jsonl", "1\n2\n");
  seal_file(folder / "metrics.jsonl");
  CHECK(read_sealed(folder / "report.json") == "{}");
  lldm::testing::write_file(folder / "metrics.jsonl", "1\n3\n");
  CHECK_THROWS_WITH(read_sealed(folder / "metrics.jsonl"), contains("metrics.jsonl:2: "));
  write_sealed(folder / "report.json", "{ }");  // the other goes on being bound
  CHECK_THROWS_WITH(read_sealed(folder / "metrics.jsonl"), contains("metrics.jsonl:2: "));
  unseal_file(folder / "metrics.jsonl");
  CHECK(read_sealed(folder / "metrics.jsonl") == "1\n3\n");
  unseal_file(folder / "report.json");
  CHECK_FALSE(std::filesystem::exists(folder / "MANIFEST.json"));
}
