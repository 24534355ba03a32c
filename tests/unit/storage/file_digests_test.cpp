// SPDX-License-Identifier: MIT
#include "storage/file_digests.hpp"

#include <chrono>
#include <thread>

#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::write_file;

TEST_CASE("The digest of a large file is kept until the file changes", "[storage][digests]") {
  const testing::TemporaryFolder folder;
  const auto file = folder / "weights", table = folder / "digests.json";
  const std::string bytes(std::size_t{2} << 20, 'x');
  write_file(file, bytes);
  CHECK(file_digest(file) == sha256_hex(bytes));
  keep_digests(table);
  CHECK_FALSE(std::filesystem::exists(table));  // it may be written again at the same time
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  CHECK(file_digest(file) == sha256_hex(bytes));
  keep_digests(table);
  REQUIRE(std::filesystem::exists(table));
  CHECK(read_file(table).find(sha256_hex(bytes)) != std::string::npos);
  const auto time = std::filesystem::last_write_time(file);
  write_file(file, std::string(bytes.size(), 'y'));
  std::filesystem::last_write_time(file, time);
  CHECK(file_digest(file) == sha256_hex(std::string(bytes.size(), 'y')));
}

TEST_CASE("A damaged table of digests says nothing", "[storage][digests]") {
  const testing::TemporaryFolder folder;
  for (const char* text : {"", "{", "[]", "{\"digests\": {\"1 2 3\": \"4\"}, \"sha256\": \"5\"}"}) {
    write_file(folder / "digests.json", text);
    CHECK_NOTHROW(recall_digests(folder / "digests.json"));
  }
  CHECK_NOTHROW(recall_digests(folder / "none"));
}
