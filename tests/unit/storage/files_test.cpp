// SPDX-License-Identifier: MIT
#include "lldm/storage/files.hpp"

#include "support/catch.hpp"
#include "support/fault_files.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lldm::FileError;
using lldm::testing::FaultFs;
using lldm::testing::PowerLoss;
using lldm::testing::TemporaryFolder;

namespace {

int count_entries(const fs::path& folder) {
  return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("write_file_atomically writes and replaces", "[track][files]") {
  TemporaryFolder folder;
  const auto path = folder / "latest.json";
  lldm::write_file_atomically(path, "first");
  lldm::write_file_atomically(path, std::string("sec\0ond", 7));
  CHECK(lldm::read_file(path) == std::string("sec\0ond", 7));
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("write_file_atomically leaves the old or the new content at any loss of power",
          "[track][files]") {
  for (const auto bytes : {FaultFs::Bytes::all, FaultFs::Bytes::half})
    for (const auto names : {FaultFs::Names::undone, FaultFs::Names::kept})
      for (int k = 1;; ++k) {
        TemporaryFolder folder;
        const auto root = folder / "run";
        fs::create_directory(root);
        lldm::write_file_atomically(root / "state", "the old content");
        FaultFs ops(root);
        ops.crash_at(k);
        bool is_done = false;
        try {
          lldm::write_file_atomically(root / "state", "all of the new content", ops);
          is_done = true;
        } catch (const PowerLoss&) {
        }
        ops.lose_unsynced(bytes, names);
        const auto found = lldm::read_file(root / "state");
        INFO("operation " << k);
        CHECK((found == "all of the new content" || (!is_done && found == "the old content")));
        if (is_done) {
          CHECK(k > 4);  // open, write, sync, rename, sync folder were each cut off once
          break;
        }
      }
}

// promise 6
TEST_CASE("write_file_atomically keeps the old content and removes its own when an operation fails",
          "[track][files]") {
  for (int k = 1; k <= 4; ++k) {
    TemporaryFolder folder;
    const auto root = folder / "run";
    fs::create_directory(root);
    lldm::write_file_atomically(root / "state", "old");
    FaultFs ops(root);
    ops.fail_at(k, EIO);
    INFO("operation " << k);
    CHECK_THROWS_AS(lldm::write_file_atomically(root / "state", "new", ops), FileError);
    CHECK(lldm::read_file(root / "state") == "old");
    CHECK(count_entries(root) == 1);
  }
}

// promise 6
TEST_CASE("A full disk is reported with path, need and have", "[track][files]") {
  TemporaryFolder folder;
  const auto root = folder / "run";
  fs::create_directory(root);
  FaultFs ops(root);
  ops.fail_at(2, ENOSPC);
  ops.set_free_bytes(1536);
  try {
    lldm::write_file_atomically(root / "state", std::string(4096, 'x'), ops);
    FAIL("no error");
  } catch (const FileError& error) {
    CHECK(error.is_disk_full());
    CHECK(std::string(error.what()) ==
          "cannot write \"" + lldm::partial_path(root / "state").string() +
              "\": No space left on device\n  need 4.00 KiB, have 1.50 KiB\n"
              "  free some space or quota there and run the same command again");
  }
}

// promise 6
TEST_CASE("A real full device is reported as such", "[track][files]") {
  if (!fs::exists("/dev/full")) {
    WARN("skipped: no /dev/full");
    return;
  }
  lldm::OutputFile file(lldm::real_file_ops(), "/dev/full", lldm::WriteMode::append);
  try {
    file.write("x");
    FAIL("no error");
  } catch (const FileError& error) {
    CHECK(error.is_disk_full());
    CHECK(std::string(error.what()) == "cannot write \"/dev/full\": No space left on device");
  }
}

TEST_CASE("Errors of the disk name the path and the reason", "[track][files]") {
  TemporaryFolder folder;
  const auto missing = folder / "none/file";
  CHECK_THROWS_WITH(lldm::read_file(missing),
                    "cannot read \"" + missing.string() + "\": No such file or directory");
  CHECK_THROWS_WITH(lldm::read_file(folder.path()),
                    "cannot read \"" + folder.path().string() + "\": Is a directory");
  CHECK_THROWS_AS(lldm::write_file_atomically(missing, "x"), FileError);
}

TEST_CASE("make_folders makes what is missing, remove_all follows no link", "[track][files]") {
  TemporaryFolder folder;
  lldm::make_folders(folder / "a/b/c/");
  CHECK(fs::is_directory(folder / "a/b/c"));
  lldm::make_folders(folder / "a/b/c");
  lldm::write_file_atomically(folder / "kept", "x");
  fs::create_symlink(folder / "kept", folder / "a/b/link");
  fs::create_directory_symlink(folder.path(), folder / "a/loop");
  lldm::remove_all(folder / "a");
  CHECK_FALSE(fs::exists(folder / "a"));
  CHECK(fs::exists(folder / "kept"));
  lldm::remove_all(folder / "a");
}

TEST_CASE("bytes_text picks the unit", "[track][files]") {
  CHECK(lldm::bytes_text(0) == "0 B");
  CHECK(lldm::bytes_text(1023) == "1023 B");
  CHECK(lldm::bytes_text(1536) == "1.50 KiB");
  CHECK(lldm::bytes_text(16ull << 30) == "16.00 GiB");
}

TEST_CASE("PendingFile is whole under its name or nowhere", "[track][files]") {
  TemporaryFolder folder;
  {
    lldm::PendingFile given_up(folder / "weights");
    given_up.write("half");
    CHECK(count_entries(folder.path()) == 1);
  }
  CHECK(count_entries(folder.path()) == 0);
  lldm::PendingFile file(folder / "weights");
  file.write("one ");
  file.write("two");
  file.publish();
  CHECK(lldm::read_file(folder / "weights") == "one two");
  CHECK(count_entries(folder.path()) == 1);
}
