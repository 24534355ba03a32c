// SPDX-License-Identifier: MIT
#include "storage/input_file.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/track/metrics.hpp"
#include "score/record_file.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::write_file;

TEST_CASE("A regular file is read whole, also through a link", "[storage][input_file]") {
  const testing::TemporaryFolder folder;
  write_file(folder / "x", "12345");
  std::filesystem::create_symlink(folder / "x", folder / "link");
  CHECK(read_input(folder / "x", 5) == "12345");
  CHECK(read_input(folder / "link") == "12345");
  CHECK_THROWS_WITH(read_input(folder / "x", 4), (folder / "x").string() +
                                                     ": the file is larger than 4 bytes, the "
                                                     "limit here");
  write_file(folder / "empty", "");
  CHECK(read_input(folder / "empty").empty());
  CHECK_THAT(read_input("/proc/self/status"), contains("Pid:"));  // says that it has no bytes
  std::ifstream in = open_input(folder / "link");
  std::string line;
  CHECK((std::getline(in, line) && line == "12345"));
}

TEST_CASE("What is no regular file is refused without waiting", "[storage][input_file]") {
  const testing::TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::string said = pipe.string() +
                           ": is a named pipe\n  give a regular file: write what comes out of it "
                           "to one first";
  CHECK_THROWS_WITH(read_input(pipe), said);
  CHECK_THROWS_WITH(open_input(pipe), said);
  CHECK_THROWS_WITH(read_file(pipe), said);
  CHECK_THROWS_WITH(sha256_file(pipe), said);
  CHECK_THROWS_WITH(MetricsReader(pipe), said);
  CHECK_THROWS_WITH(first_line_of(pipe), said);
  CHECK_THROWS_WITH(RecordFile(pipe, "first line"), said);
  std::filesystem::create_symlink(pipe, folder / "link");
  CHECK_THROWS_WITH(read_input(folder / "link"), contains("link: is a named pipe"));
  CHECK_THROWS_WITH(read_input("/dev/zero"), contains("/dev/zero: is a character device\n"));
  CHECK_THROWS_WITH(read_input(folder.path()),
                    folder.path().string() + ": is a folder\n  give a regular file");
  CHECK_THROWS_WITH(read_input(folder / "none"), (folder / "none").string() + ": no such file");
  const int handle = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(handle, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK_THROWS_WITH(read_input(folder / "socket"), contains("is a socket"));
  ::close(handle);
}

TEST_CASE("Names that no file can have are told before it is looked for", "[storage][input_file]") {
  CHECK(path_problem("a/b.c").empty());
  CHECK(path_problem("/" + std::string(255, 'n')).empty());
  CHECK(path_problem("x/" + std::string(256, 'n')) ==
        "has a part of 256 bytes\n  the system takes 255");
  CHECK(path_problem(std::string("a\0b", 3)) == "holds a NUL character");
  std::string deep;
  for (int i = 0; i < 2048; ++i) deep += "d/";
  CHECK(path_problem(deep) == "has 4096 bytes\n  the system takes 4095");
  CHECK_THROWS_AS(read_input(std::string("a\0b", 3)), InputError);
  CHECK_THROWS_AS(read_input(std::string(300, 'n')), InputError);
}
