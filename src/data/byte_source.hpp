// SPDX-License-Identifier: MIT
// The bytes of a file's text, whether the file holds them as they are or packed by gzip.  Internal
// to src/data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/input_file.hpp"

namespace lldm::data {

class ByteSource {
 public:
  /// DataError if the file cannot be opened.
  explicit ByteSource(const std::filesystem::path& path);
  ~ByteSource();

  /// The next bytes of the text, at most `bytes` of them; 0 at the end.
  /// Errors  DataError where the packed data is damaged or ends too early.
  std::size_t read(char* to, std::size_t bytes);
  [[nodiscard]] bool is_packed() const { return inflater_ != nullptr; }

 private:
  struct Inflater;
  bool refill();
  std::size_t unpack(char* to, std::size_t bytes);
  [[noreturn]] void damaged(const char* what) const;

  std::string path_;
  InputFile file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, end_ = 0;
  std::uint64_t taken_ = 0;  // bytes of the file in the buffer or before it
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace lldm::data
