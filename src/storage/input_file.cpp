// SPDX-License-Identifier: MIT
#include "storage/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace lldm {
namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode)) return "a character device";
  if (S_ISBLK(mode)) return "a block device";
  return "no regular file";
}

[[noreturn]] void cannot_open(const std::filesystem::path& path, int code) {
  if (code == ENOENT) throw InputError(message(path.string(), ": no such file"), code);
  if (code == ENXIO)  // a socket, or a device that nothing is behind
    throw InputError(message(path.string(), ": is a socket or a device\n  give a regular file"),
                     code);
  throw InputError(message(path.string(), ": cannot be opened: ", std::strerror(code)), code);
}

}  // namespace

void require_regular(int descriptor, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) cannot_open(path, errno);
  if (S_ISREG(status.st_mode)) return;
  const bool is_folder = S_ISDIR(status.st_mode);
  throw InputError(
      message(path.string(), ": is ", kind_of(status.st_mode), "\n  give a regular file",
              is_folder ? "" : ": write what comes out of it to one first"),
      is_folder ? EISDIR : 0);
}

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  if (const std::string problem = path_problem(path.native()); !problem.empty())
    throw InputError(message("a file's name ", problem), ENAMETOOLONG);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) cannot_open(path, errno);
  try {
    require_regular(descriptor_, path);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
  struct stat status{};
  if (::fstat(descriptor_, &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t InputFile::read(char* to, std::size_t bytes) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, to, bytes);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR)
      throw InputError(message(path_.string(), ": reading failed: ", std::strerror(errno)), errno);
  }
}

std::string read_input(const std::filesystem::path& path, std::uint64_t max_bytes) {
  InputFile file(path);
  const auto too_large = [&] {
    throw InputError(
        message(path.string(), ": the file is larger than ", max_bytes, " bytes, the limit here"),
        0);
  };
  if (file.size() > max_bytes) too_large();
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  std::size_t filled = 0;
  for (;;) {  // it may have grown since, and files of /proc say that they are empty
    if (filled == text.size()) text.resize(text.size() + 4096);
    const std::size_t got = file.read(text.data() + filled, text.size() - filled);
    if (got == 0) break;
    filled += got;
    if (filled > max_bytes) too_large();
  }
  text.resize(filled);
  return text;
}

std::ifstream open_input(const std::filesystem::path& path) {
  const InputFile file(
      path);  // opened again by its descriptor: the same file, whatever has the name
  std::ifstream in(message("/proc/self/fd/", file.descriptor()), std::ios::binary);
  if (!in) cannot_open(path, errno);
  return in;
}

std::string path_problem(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return "holds a NUL character";
  if (path.size() >= PATH_MAX)
    return message("has ", path.size(), " bytes\n  the system takes ", PATH_MAX - 1);
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > NAME_MAX)
      return message("has a part of ", end - begin, " bytes\n  the system takes ", NAME_MAX);
    begin = end + 1;
  }
  return "";
}

}  // namespace lldm
