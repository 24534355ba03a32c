// SPDX-License-Identifier: MIT
#include "lldm/storage/published_folder.hpp"

#include <fstream>
#include <random>

#include "support/catch.hpp"
#include "support/fault_files.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lldm::IfPublished;
using lldm::PublishedFolder;
using lldm::testing::FaultFs;
using lldm::testing::PowerLoss;
using lldm::testing::TemporaryFolder;

namespace {

/// A checkpoint with a file of our own, one in a folder and one made by other code.
void publish(const fs::path& path, const std::string& text,
             IfPublished if_published = IfPublished::refuse,
             lldm::FileOps& ops = lldm::real_file_ops()) {
  PublishedFolder folder(path, if_published, ops);
  folder.add("state.json", text);
  folder.add("model/config.json", "{}");
  std::ofstream(folder.path() / "model/weights.bin", std::ios::binary) << text << text;
  folder.publish();
}

/// The same without waiting for the disk: the start of a test.
void publish_quickly(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  FaultFs ops(path.parent_path());
  publish(path, text, IfPublished::refuse, ops);
}

/// clean_partials without waiting for the disk.
std::size_t clean_quickly(const fs::path& folder) {
  FaultFs ops(folder);
  return lldm::clean_partials(folder, ops).size();
}

bool has_leftovers(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().string().find(".partial-") != std::string::npos ||
        entry.path().string().find(".replaced-") != std::string::npos)
      return true;
  return false;
}

/// Writes over the file in place: no truncation, which would make the file system flush each time.
void overwrite(const fs::path& path, const std::string& bytes) {
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << bytes;
}

void flip_bit(const fs::path& path, std::uintmax_t bit) {
  auto bytes = lldm::read_file(path);
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  overwrite(path, bytes);
}

}  // namespace

TEST_CASE("PublishedFolder appears whole, with a manifest", "[track][published_folder]") {
  TemporaryFolder folder;
  const auto path = folder / "checkpoints/step-00000001";
  publish(path, "hello");
  CHECK(lldm::verify_folder(path).empty());
  CHECK(lldm::read_file(path / "model/weights.bin") == "hellohello");
  CHECK_FALSE(has_leftovers(folder / "checkpoints"));
  const auto manifest = lldm::read_file(path / "MANIFEST.json");
  CHECK(manifest.find("\"version\": 1") != std::string::npos);
  // sha256 of "hello"
  CHECK(manifest.find("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824") !=
        std::string::npos);
  CHECK_THROWS_WITH(publish(path, "again"),
                    "\"" + path.string() + "\" exists already\n  remove it or choose another name");
}

TEST_CASE("PublishedFolder that is given up leaves nothing", "[track][published_folder]") {
  TemporaryFolder folder;
  {
    PublishedFolder unfinished(folder / "step-00000001");
    unfinished.add("state.json", "x");
    CHECK(has_leftovers(folder.path()));
  }
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PublishedFolder refuses names outside itself", "[track][published_folder]") {
  TemporaryFolder folder;
  PublishedFolder made(folder / "step-00000001");
  for (const char* name : {"../x", "/x", "", ".", "a/../../x", "MANIFEST.json"})
    CHECK_THROWS_AS(made.add(name, "x"), lldm::Error);
}

// promise 1, 7
TEST_CASE("A loss of power at any operation leaves the previous folder or the whole new one",
          "[track][published_folder]") {
  for (const auto bytes : {FaultFs::Bytes::all, FaultFs::Bytes::half})
    for (const auto names : {FaultFs::Names::undone, FaultFs::Names::kept})
      for (int k = 1;; ++k) {
        TemporaryFolder folder;
        const auto root = folder / "checkpoints";
        publish_quickly(root / "step-00000001", "old");
        FaultFs ops(root);
        ops.crash_at(k);
        bool is_done = false;
        try {
          publish(root / "step-00000002", "new", IfPublished::refuse, ops);
          is_done = true;
        } catch (const PowerLoss&) {
        }
        ops.lose_unsynced(bytes, names);
        INFO("operation " << k);
        // What is there is whole, and the old one is only gone once the new one is there.
        const bool has_new = fs::exists(root / "step-00000002");
        CHECK(lldm::verify_folder(root / (has_new ? "step-00000002" : "step-00000001")).empty());
        CHECK((has_new || !is_done));
        CHECK(clean_quickly(root) <= 1);
        CHECK_FALSE(has_leftovers(root));
        if (is_done) {
          CHECK(k > 15);
          break;
        }
      }
}

// promise 1
TEST_CASE("A loss of power while a folder is replaced leaves the old or the new",
          "[track][published_folder]") {
  for (const bool can_exchange : {true, false})
    for (const auto names : {FaultFs::Names::undone, FaultFs::Names::kept})
      for (int k = 1;; ++k) {
        TemporaryFolder folder;
        const auto root = folder / "sft";
        publish_quickly(root / "model", "old");
        FaultFs ops(root);
        if (!can_exchange) ops.cannot_exchange();
        ops.crash_at(k);
        bool is_done = false;
        try {
          publish(root / "model", "new", IfPublished::replace, ops);
          is_done = true;
        } catch (const PowerLoss&) {
        }
        ops.lose_unsynced(FaultFs::Bytes::half, names);
        INFO("operation " << k << ", can exchange " << can_exchange);
        clean_quickly(root);
        CHECK_FALSE(has_leftovers(root));
        CHECK(lldm::verify_folder(root / "model").empty());
        const auto state = lldm::read_file(root / "model/state.json");
        CHECK((state == "new" || (!is_done && state == "old")));
        if (is_done) break;
      }
}

// promise 6
TEST_CASE("A failed operation publishes nothing, or everything", "[track][published_folder]") {
  for (int k = 1;; ++k) {
    TemporaryFolder folder;
    const auto root = folder / "checkpoints";
    publish_quickly(root / "step-00000001", "old");
    FaultFs ops(root);
    ops.fail_at(k, ENOSPC);
    bool is_done = false;
    try {
      publish(root / "step-00000002", "new", IfPublished::refuse, ops);
      is_done = true;
    } catch (const lldm::FileError& error) {
      CHECK(error.is_disk_full());
    }
    INFO("operation " << k);
    CHECK((!fs::exists(root / "step-00000002") ||
           lldm::verify_folder(root / "step-00000002").empty()));
    CHECK_FALSE(has_leftovers(root));
    CHECK(lldm::verify_folder(root / "step-00000001").empty());
    if (is_done) break;
  }
}

// promise 6
TEST_CASE("Too little space is said before anything is written", "[track][published_folder]") {
  TemporaryFolder folder;
  FaultFs ops(folder.path());
  ops.set_free_bytes(1ull << 30);
  PublishedFolder made(folder / "step-00000001", IfPublished::refuse, ops);
  made.require_space(1ull << 30);
  CHECK_THROWS_WITH(
      made.require_space(3ull << 29),
      "not enough space for \"" + (folder / "step-00000001").string() +
          "\"\n  need 1.50 GiB, have 1.00 GiB\n  free some space and run the same command again");
}

// promise 4
TEST_CASE("verify_folder names the file that is missing or cut short, at every length",
          "[track][published_folder]") {
  TemporaryFolder folder;
  const auto path = folder / "step-00000001";
  publish(path, "0123456789");
  for (const std::string name :
       {"state.json", "model/config.json", "model/weights.bin", "MANIFEST.json"}) {
    const auto whole = lldm::read_file(path / name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      fs::resize_file(path / name, size);
      const auto problems = lldm::verify_folder(path);
      REQUIRE(problems.size() == 1);
      REQUIRE(problems[0].starts_with(name + ": "));
      overwrite(path / name, whole);
    }
    fs::remove(path / name);
    CHECK(lldm::verify_folder(path) == std::vector<std::string>{name + ": missing"});
    std::ofstream(path / name, std::ios::binary) << whole;
  }
  CHECK(lldm::verify_folder(path).empty());
  fs::resize_file(path / "state.json", 4);
  CHECK(lldm::verify_folder(path) ==
        std::vector<std::string>{"state.json: 4 bytes, the manifest says 10"});
}

// promise 5
TEST_CASE("verify_folder names the file of any flipped bit", "[track][published_folder]") {
  TemporaryFolder folder;
  const auto path = folder / "step-00000001";
  publish(path, "0123456789");
  for (const std::string name :
       {"state.json", "model/config.json", "model/weights.bin", "MANIFEST.json"})
    for (std::uintmax_t bit = 0; bit < 8 * fs::file_size(path / name); ++bit) {
      flip_bit(path / name, bit);
      const auto problems = lldm::verify_folder(path);
      INFO(name << " bit " << bit);
      REQUIRE(problems.size() == 1);
      REQUIRE(problems[0].starts_with(name + ": "));
      flip_bit(path / name, bit);
    }
  CHECK(lldm::verify_folder(path).empty());
}

// promise 22
TEST_CASE("verify_folder does not follow a manifest out of its folder",
          "[track][published_folder]") {
  TemporaryFolder folder;
  std::ofstream(folder / "outside") << "x";
  const auto path = folder / "step-00000001";
  publish(path, "0123456789");
  fs::remove(path / "state.json");
  fs::create_symlink(folder / "outside", path / "state.json");
  CHECK(lldm::verify_folder(path) == std::vector<std::string>{"state.json: missing"});
  CHECK(lldm::verify_folder(folder / "none") == std::vector<std::string>{"the folder is missing"});
}

// promise 1
TEST_CASE("clean_partials removes what killed processes left and nothing else",
          "[track][published_folder]") {
  TemporaryFolder folder;
  publish(folder / "step-00000001", "x");
  fs::create_directories(folder / "step-00000002.partial-4711/model");
  std::ofstream(folder / "step-00000002.partial-4711/model/x") << "x";
  std::ofstream(folder / "latest.partial-3") << "x";
  std::ofstream(folder / "notes.partial-list") << "x";
  CHECK(lldm::clean_partials(folder.path()).size() == 2);
  CHECK(fs::exists(folder / "notes.partial-list"));
  CHECK(lldm::verify_folder(folder / "step-00000001").empty());
  CHECK(lldm::clean_partials(folder / "none").empty());
}
