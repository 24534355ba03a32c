// SPDX-License-Identifier: MIT
#include "tokenizer/split_regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <cctype>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/regex_dialect.hpp"

namespace lldm {
namespace {

constexpr std::uint32_t kMatchLimit = 10'000'000;  // steps of one match
constexpr std::uint32_t kDepthLimit = 1'000'000;
constexpr std::uint32_t kHeapLimitKib = 256 * 1024;

std::string error_text(int code) {
  std::array<PCRE2_UCHAR, 256> text = {};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;

}  // namespace

struct SplitRegex::Code {
  std::unique_ptr<pcre2_code, Freed<pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>> limits;
};

SplitRegex::SplitRegex(std::string_view expression) { compile(to_pcre2(expression)); }

SplitRegex SplitRegex::literal(std::string_view text) {
  SplitRegex regex;
  std::string escaped;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      escaped += "\\x{";
      escaped += kDigits[static_cast<unsigned char>(c) >> 4];
      escaped += kDigits[static_cast<unsigned char>(c) & 15];
      escaped += '}';
    } else {
      escaped += c;
    }
  }
  regex.compile(escaped);
  return regex;
}

void SplitRegex::compile(const std::string& pcre2) {
  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_max_pattern_length(context.get(), 1 << 20);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto made = std::make_shared<Code>();
  made->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pcre2.data()), pcre2.size(),
                                 PCRE2_UTF | PCRE2_UCP, &error, &offset, context.get()));
  if (!made->code) throw DataError(message("the expression is malformed: ", error_text(error)));
  pcre2_jit_compile(made->code.get(), PCRE2_JIT_COMPLETE);  // without JIT the interpreter serves
  made->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(made->limits.get(), kMatchLimit);
  pcre2_set_depth_limit(made->limits.get(), kDepthLimit);
  pcre2_set_heap_limit(made->limits.get(), kHeapLimitKib);
  code_ = std::move(made);
}

std::vector<SplitRegex::Match> SplitRegex::find_all(std::string_view text) const {
  const MatchData data(pcre2_match_data_create(1, nullptr));
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const auto match_at = [&](std::size_t at, std::uint32_t options) {
    return pcre2_match(code_->code.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK | options,
                       data.get(), code_->limits.get());
  };
  std::vector<Match> matches;
  std::size_t from = 0;
  while (from <= text.size()) {
    int result = match_at(from, 0);
    // The JIT's stack is 32 KiB; what needs more is repeated by the interpreter, on the heap.
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match_at(from, PCRE2_NO_JIT);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0)
      throw DataError(message("splitting the text failed: ", error_text(result),
                              "\n  at: ", excerpt(text, from)));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    if (bounds[0] == bounds[1] && !matches.empty() && matches.back().end == bounds[1]) {
      from += from < text.size() ? code_point_at(text, from).length : 1;
      continue;
    }
    matches.push_back({bounds[0], bounds[1]});
    from = bounds[1];
  }
  return matches;
}

}  // namespace lldm
