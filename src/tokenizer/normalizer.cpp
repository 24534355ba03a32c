// SPDX-License-Identifier: MIT
#include "tokenizer/normalizer.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/unicode_inert.hpp"

namespace lldm {
namespace {

constexpr std::array<std::pair<std::string_view, NormalForm>, 4> kForms = {
    {{"NFC", NormalForm::nfc},
     {"NFD", NormalForm::nfd},
     {"NFKC", NormalForm::nfkc},
     {"NFKD", NormalForm::nfkd}}};

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

SplitRegex read_pattern(const JsonView& json) {
  json.only_keys({"String", "Regex"});
  if (json.size() != 1) json.fail("must have either \"String\" or \"Regex\"");
  if (const auto text = json.find("String")) {
    if (text->text().empty()) text->fail("must not be empty");
    return SplitRegex::literal(text->text());
  }
  const JsonView expression = json.at("Regex");
  try {
    return SplitRegex(expression.text());
  } catch (const DataError& error) {
    expression.fail(error.what());
  }
}

Normalizer::Normalizer(const JsonView& json) {
  if (!json.is_null()) add(json);
}

void Normalizer::add(const JsonView& json) {
  const JsonView type = json.at("type");
  for (const auto& [name, form] : kForms) {
    if (type.text() != name) continue;
    json.only_keys({"type"});
    steps_.push_back({form, std::nullopt, ""});
    return;
  }
  if (type.text() == "Replace") {
    json.only_keys({"type", "pattern", "content"});
    steps_.push_back({std::nullopt, read_pattern(json.at("pattern")), json.at("content").text()});
  } else if (type.text() == "Sequence") {
    json.only_keys({"type", "normalizers"});
    const JsonView list = json.at("normalizers");
    list.require_array();
    for (std::size_t i = 0; i < list.size(); ++i) add(list.at(i));
  } else {
    type.fail(
        message("the normalizer \"", type.text(),
                "\" is not implemented\n  implemented: NFC, NFD, NFKC, NFKD, Replace, Sequence"));
  }
}

std::string Normalizer::operator()(std::string_view text) const {
  std::string out(text);
  for (const Step& step : steps_) {
    if (step.form) {
      out = normal_form(out, *step.form);
      continue;
    }
    std::string replaced;
    std::size_t kept_to = 0;
    for (const auto [begin, end] : step.search->find_all(out)) {
      replaced.append(out, kept_to, begin - kept_to);
      replaced += step.replacement;
      kept_to = end;
    }
    replaced.append(out, kept_to);
    out = std::move(replaced);
  }
  return out;
}

}  // namespace lldm
