// SPDX-License-Identifier: MIT
// What every use of PCRE2 here has in common: owned handles, its errors in words, and limits under
// which no expression runs for ever.  Private to src; how expressions are compiled and matched is
// for their owners (tokenizer/split_regex.cpp, eval/answer_regex.cpp).
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace lldm::pcre2 {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;

/// A compiled expression and what a match with it may take.
struct Code {
  std::unique_ptr<pcre2_code, Freed<pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>> limits;
};

inline std::string error_text(int code) {
  std::array<PCRE2_UCHAR, 256> text = {};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

/// Takes over `compiled`.  A match ends with an error after 10 million steps, at a depth of a
/// million, or at 256 MiB.
inline Code limited(pcre2_code* compiled) {
  Code made;
  made.code.reset(compiled);
  made.limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(made.limits.get(), 10'000'000);
  pcre2_set_depth_limit(made.limits.get(), 1'000'000);
  pcre2_set_heap_limit(made.limits.get(), 256 * 1024);  // KiB
  return made;
}

}  // namespace lldm::pcre2
