// SPDX-License-Identifier: MIT
// POSIX calls of its own: FileOps (storage/files.hpp) has neither locks nor cuts.
#include "score/record_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "storage/input_file.hpp"

namespace lldm {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little endian");

constexpr std::string_view kMagic = "LREC";
constexpr std::uint64_t kFrameBytes = 16, kCheckBytes = 8;

template <class Number>
Number number_at(std::string_view bytes, std::uint64_t offset) {
  Number value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class Number>
void put(std::string& bytes, Number value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class Number>
Number check_of(std::string_view first, std::string_view second = {}) {
  const auto digest = Sha256().update(first).update(second).digest();
  Number value;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

std::string framed(std::uint32_t kind, std::string_view payload) {
  std::string bytes(kMagic);
  put(bytes, kind);
  put(bytes, static_cast<std::uint32_t>(payload.size()));
  const auto whole = check_of<std::uint64_t>(bytes, payload);
  put(bytes, check_of<std::uint32_t>(bytes));
  bytes += payload;
  put(bytes, whole);
  return bytes;
}

enum class Frame { whole, damaged, incomplete, none };

/// What stands at `offset`; `size` is the record's bytes where its frame is right.
Frame frame_at(std::string_view bytes, std::uint64_t offset, std::uint64_t& size) {
  const std::string_view rest = bytes.substr(offset);
  if (rest.size() < kFrameBytes || !rest.starts_with(kMagic)) return Frame::none;
  const std::string_view head = rest.substr(0, 12);
  if (check_of<std::uint32_t>(head) != number_at<std::uint32_t>(rest, 12)) return Frame::none;
  const auto payload = number_at<std::uint32_t>(rest, 8);
  size = kFrameBytes + payload + kCheckBytes;
  if (rest.size() < size) return Frame::incomplete;
  const auto check = check_of<std::uint64_t>(head, rest.substr(kFrameBytes, payload));
  return check == number_at<std::uint64_t>(rest, kFrameBytes + payload) ? Frame::whole
                                                                        : Frame::damaged;
}

/// Where the next readable frame begins behind `offset`; the end if there is none.
std::uint64_t next_frame(std::string_view bytes, std::uint64_t offset) {
  for (auto at = bytes.find(kMagic, offset + 1); at != std::string_view::npos;
       at = bytes.find(kMagic, at + 1)) {
    std::uint64_t size = 0;
    if (const Frame frame = frame_at(bytes, at, size);
        frame == Frame::whole || frame == Frame::damaged)
      return at;
  }
  return bytes.size();
}

[[noreturn]] void fail(std::string_view action, const std::filesystem::path& path, int code,
                       const std::string& more = "") {
  throw FileError(
      message("cannot ", action, " \"", path.string(), "\": ", std::strerror(code), more), path,
      code);
}

/// The bytes of a file for the length of a scope, without a copy of them.
class Mapping {
 public:
  Mapping(int handle, const std::filesystem::path& path) {
    struct stat status = {};
    if (::fstat(handle, &status) != 0) fail("read", path, errno);
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) return;
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, handle, 0);
    if (data_ == MAP_FAILED) fail("read", path, errno);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  [[nodiscard]] std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

void write_all(int handle, std::string_view bytes, const std::filesystem::path& path) {
  const std::size_t wanted = bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = ::write(handle, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      fail("write", path, errno,
           errno == ENOSPC || errno == EDQUOT
               ? message("\n  need ", bytes_text(wanted),
                         "; free some space and run the same command again")
               : "");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fdatasync(handle) != 0) fail("write", path, errno);
}

}  // namespace

namespace {

constexpr std::size_t kMaxFirstLine = 1 << 20;

}  // namespace

std::string first_line_of(const std::filesystem::path& path) {
  InputFile file(path);
  std::string line;
  std::vector<char> piece(1 << 12);
  while (const std::size_t bytes = file.read(piece.data(), piece.size())) {
    line.append(piece.data(), bytes);
    if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
    if (line.size() > kMaxFirstLine) break;
  }
  return "";
}

RecordFile::RecordFile(std::filesystem::path path, std::string_view first_line)
    : file_(std::move(path), LockCall::ofd, O_APPEND) {
  require_regular(file_.handle(), file_.path());
  const bool is_writable = !file_.is_read_only();
  const HeldLock lock(file_, is_writable ? LockKind::exclusive : LockKind::shared);
  const std::string wanted = std::string(first_line) + "\n";
  {
    const Mapping mapping(file_.handle(), file_.path());
    first_line_ = mapping.bytes().substr(0, mapping.bytes().find('\n'));
    end_ = first_line_.size() + 1;
    // Just made, or its maker was killed before the line was whole.
    if (!is_writable || mapping.bytes().size() >= wanted.size() ||
        !wanted.starts_with(mapping.bytes()))
      return;
  }
  if (::ftruncate(file_.handle(), 0) != 0) fail("write", file_.path(), errno);
  write_all(file_.handle(), wanted, file_.path());
  first_line_ = first_line;
  end_ = wanted.size();
}

void RecordFile::scan(const Visit& visit) {
  const Mapping mapping(file_.handle(), path());
  const std::string_view bytes = mapping.bytes();
  if (bytes.size() < end_)
    throw DataError(message(path().string(), ": has ", bytes.size(), " bytes, and had at least ",
                            end_, " before: something else writes this file"));
  torn_from_ = 0;
  while (end_ < bytes.size()) {
    std::uint64_t size = 0;
    const Frame frame = frame_at(bytes, end_, size);
    if (frame == Frame::whole) {
      visit({number_at<std::uint32_t>(bytes, end_ + 4), end_ + kFrameBytes,
             bytes.substr(end_ + kFrameBytes, size - kFrameBytes - kCheckBytes)});
    } else if (frame != Frame::damaged) {
      const std::uint64_t next = next_frame(bytes, end_);
      if (next == bytes.size()) {
        torn_from_ = end_;
        return;
      }
      size = next - end_;
    }
    if (frame != Frame::whole)
      problems_.push_back(message(path().string(), ": ", size, " bytes at byte ", end_,
                                  " are damaged; what they held is computed again"));
    end_ += size;
  }
}

void RecordFile::cut_torn_tail() {
  if (torn_from_ == 0) return;
  const off_t size = ::lseek(file_.handle(), 0, SEEK_END);
  if (size < 0 || ::ftruncate(file_.handle(), static_cast<off_t>(torn_from_)) != 0)
    fail("write", path(), errno);
  problems_.push_back(message(path().string(), ": its last ",
                              static_cast<std::uint64_t>(size) - torn_from_,
                              " bytes are no whole record (a process was killed while it wrote): "
                              "cut off"));
  torn_from_ = 0;
}

void RecordFile::read_new(const Visit& visit) {
  const HeldLock lock(file_, LockKind::shared);
  scan(visit);
}

void RecordFile::append(std::span<const std::pair<std::uint32_t, std::string>> records,
                        const Visit& visit) {
  std::string bytes;
  for (const auto& [kind, payload] : records) bytes += framed(kind, payload);
  const HeldLock lock(file_, LockKind::exclusive);
  scan(visit);
  cut_torn_tail();
  write_all(file_.handle(), bytes, path());
  scan(visit);
}

std::string RecordFile::payload(std::uint64_t offset) const {
  const auto read = [&](std::uint64_t at, std::uint64_t size) {
    std::string bytes(size, '\0');
    const ssize_t count = ::pread(file_.handle(), bytes.data(), size, static_cast<off_t>(at));
    if (count < 0) fail("read", path(), errno);
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
  };
  std::uint64_t size = 0;
  std::string record = read(offset - kFrameBytes, kFrameBytes);
  if (frame_at(record, 0, size) == Frame::incomplete) record = read(offset - kFrameBytes, size);
  if (frame_at(record, 0, size) != Frame::whole)
    throw DataError(message(path().string(), ": the record at byte ", offset - kFrameBytes,
                            " was whole when the file was opened and is damaged now"));
  return record.substr(kFrameBytes, size - kFrameBytes - kCheckBytes);
}

}  // namespace lldm
