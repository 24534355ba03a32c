// SPDX-License-Identifier: MIT
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/unicode_inert.hpp"

namespace lldm {
namespace {

int utf8proc_options(NormalForm form) {
  switch (form) {
    case NormalForm::nfc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    case NormalForm::nfd:
      return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    case NormalForm::nfkc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case NormalForm::nfkd:
      return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
  }
  throw Error("normal form: no other enumerator exists");
}

/// Whether the reference's normaliser leaves the character alone and where it stands.
bool is_inert(char32_t c) {
  const auto range =
      std::upper_bound(kInertInNormalising.begin(), kInertInNormalising.end(), c,
                       [](char32_t value, const auto& r) { return value < r.first; });
  return range != kInertInNormalising.begin() && c <= std::prev(range)->second;
}

/// One call of utf8proc.
std::string mapped(std::string_view text, NormalForm form) {
  if (text.empty()) return "";
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &made,
                   static_cast<utf8proc_option_t>(utf8proc_options(form)));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0)
    throw DataError(message("Unicode normalisation failed: ", utf8proc_errmsg(length)));
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(length)};
}

}  // namespace

std::string normal_form(std::string_view text, NormalForm form) {
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (is_ascii) return std::string(text);
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (is_inert(c.value)) {
      out += mapped(text.substr(done, at - done), form);
      out += text.substr(at, c.length);
      done = at + c.length;
    }
    at += c.length;
  }
  return out + mapped(text.substr(done), form);
}

}  // namespace lldm
