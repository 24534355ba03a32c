// SPDX-License-Identifier: MIT
#include "lldm/storage/files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "storage/input_file.hpp"
#include "storage/with_room.hpp"

namespace lldm {
namespace {

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

void remove_quietly(const std::filesystem::path& path, FileOps& ops) noexcept {
  try {
    ops.remove(path);
  } catch (...) {  // the error that led here is the one to report
  }
}

}  // namespace

bool FileError::is_disk_full() const { return code_ == ENOSPC || code_ == EDQUOT; }

void write_and_sync(const std::filesystem::path& path, std::string_view bytes, FileOps& ops) {
  with_room(path, bytes.size(), ops, [&] {
    OutputFile file(ops, path, WriteMode::create);
    file.write(bytes);
    file.sync();
  });
}

PendingFile::PendingFile(std::filesystem::path path, FileOps& ops)
    : ops_(ops), path_(std::move(path)), partial_(partial_path(path_)) {
  with_room(partial_, 0, ops_, [&] { file_.emplace(ops_, partial_, WriteMode::create); });
}

PendingFile::~PendingFile() {
  file_.reset();
  if (!partial_.empty()) remove_quietly(partial_, ops_);
}

void PendingFile::write(std::string_view bytes) {
  bytes_ += bytes.size();
  with_room(partial_, bytes_, ops_, [&] { file_->write(bytes); });
}

void PendingFile::publish() {
  with_room(partial_, bytes_, ops_, [&] { file_->sync(); });
  file_.reset();
  ops_.rename(partial_, path_);
  partial_.clear();
  ops_.sync_folder(parent_of(path_));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           FileOps& ops) {
  PendingFile file(path, ops);
  file.write(bytes);
  file.publish();
}

void make_folders(const std::filesystem::path& path, FileOps& ops) {
  if (path.empty() || std::filesystem::is_directory(path)) return;
  if (!path.has_filename()) return make_folders(path.parent_path(), ops);  // "runs/x/"
  make_folders(path.parent_path(), ops);
  try {
    ops.make_folder(path);
  } catch (const FileError& error) {  // another worker of a grid made it meanwhile
    if (error.code() != EEXIST || !std::filesystem::is_directory(path)) throw;
  }
  ops.sync_folder(parent_of(path));
}

void remove_all(const std::filesystem::path& path, FileOps& ops) {
  const auto status = std::filesystem::symlink_status(path);
  if (!std::filesystem::exists(status)) return;
  if (std::filesystem::is_directory(status)) {
    std::vector<std::filesystem::path> inside;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      inside.push_back(entry.path());
    for (const auto& entry : inside) remove_all(entry, ops);
  }
  ops.remove(path);
}

std::string read_file(const std::filesystem::path& path) {
  try {
    return read_input(path);
  } catch (const InputError& error) {
    if (error.code() == 0) throw;  // a pipe, a device: bad input, not a failing disk
    throw FileError(message("cannot read \"", path.string(), "\": ", std::strerror(error.code())),
                    path, error.code());
  }
}

std::filesystem::path partial_path(const std::filesystem::path& path) {
  auto partial = path;
  partial += message(".partial-", ::getpid());
  return partial;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return message(bytes, " B");
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %s", value, units[unit]);
  return text;
}

}  // namespace lldm
