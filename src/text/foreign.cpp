// SPDX-License-Identifier: MIT
#include "text/foreign.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace lldm {
namespace {

using namespace std::string_view_literals;

struct Format {
  std::string_view begin, text;
};

constexpr std::array kFormats = {
    Format{"\x1f\x8b"sv, "is compressed with gzip\n  unpack it first: gunzip FILE"},
    Format{"\x28\xb5\x2f\xfd"sv, "is compressed with zstd\n  unpack it first: unzstd FILE"},
    Format{"\xfd\x37zXZ\0"sv, "is compressed with xz\n  unpack it first: unxz FILE"},
    Format{"BZh"sv, "is compressed with bzip2\n  unpack it first: bunzip2 FILE"},
    Format{"\xff\xfe\0\0"sv, "is UTF-32\n  write it as UTF-8: iconv -f UTF-32 -t UTF-8 FILE"},
    Format{"\0\0\xfe\xff"sv, "is UTF-32\n  write it as UTF-8: iconv -f UTF-32 -t UTF-8 FILE"},
    Format{"\xff\xfe"sv, "is UTF-16\n  write it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"},
    Format{"\xfe\xff"sv, "is UTF-16\n  write it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"},
    Format{"version https://git-lfs.github.com/spec/"sv,
           "is a Git LFS pointer, not the file itself\n  fetch the file: git lfs pull"},
    Format{"PAR1"sv, "is Parquet\n  write it as JSON Lines: tools/parquet_to_jsonl FILE OUT.jsonl"},
    Format{"ARROW1"sv, "is an Arrow file\n  write it as JSON Lines, one object a line"},
    Format{"\x89HDF\r\n\x1a\n"sv, "is HDF5\n  save the weights as safetensors"},
    Format{"GGUF"sv, "is GGUF\n  lldm reads safetensors in full precision"},
    Format{"PK\x03\x04"sv,
           "is a zip archive; a PyTorch .pt or .bin is one, and can execute code: it is never read"
           "\n  save the weights as safetensors"},
    Format{"\x7f\x45LF"sv, "is a program or a library, not data\n  give another file"},
};

bool begins_like(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

/// A pickle begins with its protocol: 0x80 and 2 to 5.
bool is_pickle(std::string_view begin) {
  return begin.size() >= 2 && begin[0] == '\x80' && begin[1] >= 2 && begin[1] <= 5;
}

}  // namespace

std::string foreign_format(std::string_view begin) {
  for (const Format& format : kFormats)
    if (begin.starts_with(format.begin)) return std::string(format.text);
  if (is_pickle(begin))
    return "is a Python pickle, which can execute code: it is never read\n"
           "  save the weights as safetensors";
  // ASCII in UTF-16 without its mark: every other byte is NUL.
  const auto alternates = [&](bool begins_with_nul) {
    return begin.size() >= 4 && (begin[0] == 0) == begins_with_nul &&
           (begin[1] != 0) == begins_with_nul && (begin[2] == 0) == begins_with_nul &&
           (begin[3] != 0) == begins_with_nul;
  };
  for (const bool is_big_endian : {false, true})
    if (alternates(is_big_endian))
      return std::string("is UTF-16 without a byte order mark\n  write it as UTF-8: iconv -f ") +
             (is_big_endian ? "UTF-16BE" : "UTF-16LE") + " -t UTF-8 FILE";
  begin.remove_prefix(std::min(begin.find_first_not_of(" \t\r\n"), begin.size()));
  if (begins_like(begin, "<!doctype html") || begins_like(begin, "<html"))
    return "is a web page: what was downloaded is an error or a login\n  fetch it again";
  return "";
}

}  // namespace lldm
