// SPDX-License-Identifier: MIT
// Finished work that experiments share: run/store.hpp.
#include "run/store.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/published_folder.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

namespace fs = std::filesystem;

const std::string kKey(64, 'a');
const nlohmann::ordered_json kAbout = {{"stage", "sft"}, {"seed", 1}};

/// A piece of finished work, with what does not belong into a store.
fs::path finished_work(const testing::TemporaryFolder& folder) {
  const fs::path work = folder / "work";
  fs::create_directories(work / "checkpoints" / "step-1");
  testing::write_file(work / "checkpoints" / "step-1" / "state", "large");
  testing::write_file(work / "result.json", "{}");
  testing::write_file(work / "metrics.jsonl", "of the run");
  PublishedFolder model(work / "model");
  model.add("weights", "0123456789");
  model.publish();
  return work;
}

const auto kNothing = [](const fs::path&) {};

}  // namespace

TEST_CASE("WorkStore: a copy is what was published, and no link", "[run]") {
  const testing::TemporaryFolder folder;
  const fs::path work = finished_work(folder);
  const WorkStore store(folder / "store");
  CHECK(!store.contains(kKey));
  CHECK(!store.take(kKey, folder / "taken", kNothing));
  REQUIRE(store.publish(kKey, work, kAbout, "lines"));
  CHECK(!store.publish(kKey, work, kAbout, "lines"));        // once is enough
  fs::create_directories(folder / "taken" / "checkpoints");  // it replaces what was begun
  REQUIRE(store.take(kKey, folder / "taken", kNothing));
  CHECK(read_file(folder / "taken" / "result.json") == "{}");
  CHECK(read_file(folder / "taken" / "metrics.jsonl") == "lines");
  CHECK(verify_folder(folder / "taken" / "model").empty());
  CHECK(!fs::exists(folder / "taken" / "checkpoints"));
  testing::write_file(folder / "taken" / "model" / "weights", "other");
  CHECK(store.take(kKey, folder / "again", kNothing));
  CHECK(read_file(folder / "again" / "model" / "weights") == "0123456789");
  REQUIRE(store.list().size() == 1);
  CHECK(store.list().front().about.at("stage") == "sft");
}

TEST_CASE("WorkStore: damage is named, nothing is taken, and publishing mends it", "[run]") {
  const testing::TemporaryFolder folder;
  const fs::path work = finished_work(folder);
  const WorkStore store(folder / "store");
  REQUIRE(store.publish(kKey, work, kAbout, ""));
  const fs::path stored = folder / "store" / "work" / kKey / "files" / "model" / "weights";
  testing::write_file(stored, "0123456780");
  CHECK_THROWS_WITH(store.take(kKey, folder / "taken", kNothing), contains("files/model/weights"));
  CHECK(!fs::exists(folder / "taken"));
  CHECK(store.publish(kKey, work, kAbout, ""));
  CHECK(store.take(kKey, folder / "taken", kNothing));
  // What is damaged itself is not published.
  testing::write_file(work / "model" / "weights", "0123456780");
  CHECK_THROWS_WITH(store.publish(std::string(64, 'b'), work, kAbout, ""), contains("weights"));
  CHECK(store.list().size() == 1);
}

TEST_CASE("WorkStore: processes that publish the same work leave one whole entry", "[run]") {
  const testing::TemporaryFolder folder;
  const fs::path work = finished_work(folder);
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        const WorkStore store(folder / "store");
        store.publish(kKey, work, kAbout, "lines");
        ::_exit(0);
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  CHECK(verify_folder(folder / "store" / "work" / kKey).empty());
  CHECK(WorkStore(folder / "store").list().size() == 1);
}

TEST_CASE("WorkStore::prune: by age, last use, size and damage; dry first", "[run]") {
  const testing::TemporaryFolder folder;
  const fs::path work = finished_work(folder);
  const WorkStore store(folder / "store");
  const std::string old(64, 'b');
  REQUIRE(store.publish(kKey, work, kAbout, ""));
  REQUIRE(store.publish(old, work, {{"stage", "sft"}, {"published", 1000}}, ""));
  fs::last_write_time(folder / "store" / "used" / old,
                      fs::file_time_type::clock::now() - std::chrono::hours(1000));
  CHECK(store.prune({.older_than_seconds = 100}, true).size() == 1);
  CHECK(store.list().size() == 2);
  CHECK(store.prune({.unused_for_seconds = 1 << 30}, true).empty());
  std::int64_t bytes = 0;
  for (const StoreEntry& entry : store.list()) bytes += entry.bytes;
  const auto removed = store.prune({.most_bytes = bytes - 1}, false);  // the longest unused
  REQUIRE(removed.size() == 1);
  CHECK(removed.front().key == old);
  CHECK(!fs::exists(folder / "store" / "work" / old));
  CHECK(store.prune({.removes_damaged = true}, false).empty());
  testing::write_file(folder / "store" / "work" / kKey / "files" / "result.json", "[]");
  CHECK(store.prune({.removes_damaged = true}, false).size() == 1);
  CHECK(store.list().empty());
}

TEST_CASE("WorkStore: only a store, or nothing yet, is one", "[run]") {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "file", "x");
  CHECK_THROWS_AS(WorkStore(folder.path()), ConfigError);
  CHECK_THROWS_AS(WorkStore(folder / "file"), ConfigError);
  CHECK_THROWS_AS(WorkStore(""), ConfigError);
  CHECK_THROWS_AS(WorkStore::existing(folder / "none"), ConfigError);
  fs::create_directories(folder / "other");
  testing::write_file(folder / "other" / "lldm_store.json", "{\"version\": 9}");
  CHECK_THROWS_WITH(WorkStore(folder / "other"), contains("version 9"));
}
