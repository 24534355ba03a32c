// SPDX-License-Identifier: MIT
// A file system that fails, or loses power, at a chosen operation.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lldm/storage/files.hpp"

namespace lldm::testing {

/// Thrown in place of the operation at which the power went; not a std::exception, so nothing
/// handles it.
struct PowerLoss {};

/// Real files below `root`, with a memory of what has been synced.
///
/// `fail_at(k, errno)`: operation k (counted from 1) throws FileError, the others work.
/// `crash_at(k)`: operation k is done by half (a write) or not at all, and it and all later ones
/// throw PowerLoss.  `lose_unsynced()` then makes the folder look as after the restart: unsynced
/// bytes are gone (Bytes::all) or torn (Bytes::half), and names made, moved or removed since the
/// last `sync_folder` of their folder are undone (Names::undone) or kept.
class FaultFs final : public FileOps {
 public:
  enum class Bytes { all, half };
  enum class Names { undone, kept };

  explicit FaultFs(std::filesystem::path root)
      : root_(std::move(root)), grave_(message(root_.string(), ".grave-", this)) {
    std::filesystem::create_directories(grave_);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_))
      if (entry.is_regular_file()) synced_[inode(entry.path())] = entry.file_size();
  }
  ~FaultFs() override { std::filesystem::remove_all(grave_); }

  void fail_at(int operation, int code) { fail_at_ = operation, code_ = code; }
  void crash_at(int operation) { crash_at_ = operation; }
  void cannot_exchange() { can_exchange_ = false; }
  void set_free_bytes(std::uint64_t bytes) { free_bytes_ = bytes; }
  int operations() const { return operations_; }

  Handle open(const std::filesystem::path& path, WriteMode mode) override {
    step("open", path);
    const bool is_new = !std::filesystem::exists(path);
    const Handle handle = real().open(path, mode);
    if (is_new) journal_.push_back({Kind::create, path, {}, {}, false});
    if (is_new || mode == WriteMode::create) synced_[inode(path)] = 0;
    synced_.try_emplace(inode(path), 0);
    open_[handle] = path;
    return handle;
  }
  void write(Handle handle, std::string_view bytes) override {
    try {
      step("write", open_.at(handle));
    } catch (...) {
      if (operations_ == fail_at_ || operations_ == crash_at_)
        real().write(handle, bytes.substr(0, bytes.size() / 2));
      throw;
    }
    real().write(handle, bytes);
  }
  void sync(Handle handle) override {
    step("sync", open_.at(handle));
    struct stat info{};
    ::fstat(handle, &info);
    synced_[info.st_ino] = static_cast<std::uintmax_t>(info.st_size);
  }
  void close(Handle handle) noexcept override { real().close(handle); }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    step("rename to", to);
    std::filesystem::path saved;
    if (std::filesystem::exists(to)) std::filesystem::rename(to, saved = next_grave());
    real().rename(from, to);
    move_journal(from, to);
    journal_.push_back({Kind::rename, to, from, saved, false});
  }
  bool exchange(const std::filesystem::path& a, const std::filesystem::path& b) override {
    step("replace", b);
    if (!can_exchange_ || !real().exchange(a, b)) return false;
    swap_journal(a, b);
    journal_.push_back({Kind::exchange, b, a, {}, false});
    return true;
  }
  void remove(const std::filesystem::path& path) override {
    step("remove", path);
    const auto saved = next_grave();
    std::filesystem::rename(path, saved);
    journal_.push_back({Kind::remove, path, {}, saved, false});
  }
  void make_folder(const std::filesystem::path& path) override {
    step("make folder", path);
    real().make_folder(path);
    journal_.push_back({Kind::folder, path, {}, {}, false});
  }
  void sync_folder(const std::filesystem::path& path) override {
    step("sync folder", path);
    for (auto& entry : journal_)
      if (entry.path.parent_path() == path) entry.is_durable = true;
  }
  std::uint64_t free_bytes(const std::filesystem::path& path) override {
    return free_bytes_ ? free_bytes_ : real().free_bytes(path);
  }

  void lose_unsynced(Bytes bytes, Names names) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_))
      lose_bytes(entry, bytes);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(grave_))
      lose_bytes(entry, bytes);
    if (names == Names::kept) return;
    while (!journal_.empty()) {
      const auto entry = journal_.back();
      journal_.pop_back();
      if (!entry.is_durable) undo(entry);
    }
  }

 private:
  enum class Kind { create, folder, rename, exchange, remove };
  struct Entry {
    Kind kind;
    std::filesystem::path path, from, saved;
    bool is_durable;
  };

  static FileOps& real() { return real_file_ops(); }
  static ino_t inode(const std::filesystem::path& path) {
    struct stat info{};
    ::stat(path.c_str(), &info);
    return info.st_ino;
  }
  std::filesystem::path next_grave() { return grave_ / std::to_string(graves_++); }

  void step(const char* action, const std::filesystem::path& path) {
    if (has_crashed_) throw PowerLoss{};
    ++operations_;
    if (operations_ == crash_at_) {
      has_crashed_ = true;
      throw PowerLoss{};
    }
    if (operations_ == fail_at_)
      throw FileError(
          message("cannot ", action, " \"", path.string(), "\": ", std::strerror(code_)), path,
          code_);
  }

  void lose_bytes(const std::filesystem::directory_entry& entry, Bytes bytes) {
    if (!entry.is_regular_file()) return;
    const auto found = synced_.find(inode(entry.path()));
    const auto safe = found == synced_.end() ? 0 : found->second;  // not ours: never synced
    const auto size = entry.file_size();
    if (size > safe)
      std::filesystem::resize_file(entry.path(), bytes == Bytes::all ? safe : (safe + size) / 2);
  }

  void undo(const Entry& entry) {
    if (entry.kind == Kind::create || entry.kind == Kind::folder)
      std::filesystem::remove_all(entry.path);
    if (entry.kind == Kind::remove) std::filesystem::rename(entry.saved, entry.path);
    if (entry.kind == Kind::rename) {
      std::filesystem::rename(entry.path, entry.from);
      move_journal(entry.path, entry.from);
      if (!entry.saved.empty()) std::filesystem::rename(entry.saved, entry.path);
    }
    if (entry.kind == Kind::exchange) {
      real().exchange(entry.path, entry.from);
      swap_journal(entry.path, entry.from);
    }
  }

  static bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
    return path.string().starts_with(folder.string() + "/");
  }
  void move_journal(const std::filesystem::path& from, const std::filesystem::path& to) {
    for (auto& entry : journal_)
      if (lies_in(entry.path, from)) entry.path = to / entry.path.lexically_relative(from);
  }
  void swap_journal(const std::filesystem::path& a, const std::filesystem::path& b) {
    for (auto& entry : journal_) {
      if (lies_in(entry.path, a)) {
        entry.path = b / entry.path.lexically_relative(a);
      } else if (lies_in(entry.path, b)) {
        entry.path = a / entry.path.lexically_relative(b);
      }
    }
  }

  std::filesystem::path root_, grave_;
  std::map<ino_t, std::uintmax_t> synced_;  // bytes that survive
  std::map<Handle, std::filesystem::path> open_;
  std::vector<Entry> journal_;
  int operations_ = 0, fail_at_ = 0, crash_at_ = 0, code_ = EIO, graves_ = 0;
  bool has_crashed_ = false, can_exchange_ = true;
  std::uint64_t free_bytes_ = 0;
};

}  // namespace lldm::testing
