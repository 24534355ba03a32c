// SPDX-License-Identifier: MIT
#include "tokenizer/regex_dialect.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/unicode_additions.hpp"

namespace lldm {
namespace {

/// A one-pass translator; `at_` always points at the next unread character.
class Translator {
 public:
  explicit Translator(std::string_view expression) : in_(expression) {}

  std::string run() {
    while (at_ < in_.size()) step();
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what, std::size_t at) const {
    throw DataError(message("the expression uses ", what, " at offset ", at,
                            ", which lldm does not read as the reference does\n  in: ", in_));
  }
  [[nodiscard]] bool sees(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  void copy(std::size_t count = 1) {
    out_ += in_.substr(at_, count);
    at_ += count;
  }

  void step() {
    const char c = in_[at_];
    if (c == '\\') return escape(false);
    if (c == '[') return character_class();
    if (c == '(') return group();
    if (c == '^' || c == '$') refuse("an anchor", at_);
    if (c == ')' && !case_insensitive_.empty()) case_insensitive_.pop_back();
    if (c == '{') return braces();
    if (!case_insensitive_.empty() && case_insensitive_.back()) refuse_folding_pair();
    copy();
  }

  void group() {
    bool insensitive = !case_insensitive_.empty() && case_insensitive_.back();
    for (const std::string_view start : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"}) {
      if (!sees(start)) continue;
      case_insensitive_.push_back(insensitive || start == "(?i:");
      return copy(start.size());
    }
    if (sees("(?") || sees("(*")) refuse("a kind of group", at_);
    case_insensitive_.push_back(insensitive);
    copy();
  }

  void braces() {
    const std::size_t start = at_;
    const std::size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) refuse("a lone brace", start);
    const std::string_view inside = in_.substr(at_ + 1, end - at_ - 1);
    const bool is_count = !inside.empty() && std::isdigit(static_cast<unsigned char>(inside[0])) &&
                          inside.find_first_not_of("0123456789,") == std::string_view::npos &&
                          std::count(inside.begin(), inside.end(), ',') <= 1;
    if (!is_count) refuse("a lone brace", start);
    copy(end + 1 - at_);
    if (at_ < in_.size() && in_[at_] == '+') refuse("\"}+\"", at_);
  }

  /// "(?i:ss)" also takes U+00DF in the reference: multi-character folding.
  void refuse_folding_pair() {
    constexpr std::array<std::string_view, 5> kPairs = {"ss", "ff", "fi", "fl", "st"};
    std::string pair(in_.substr(at_, 2));
    for (char& c : pair) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (static_cast<unsigned char>(pair[0]) >= 0x80) refuse("case-insensitive non-ASCII text", at_);
    if (std::find(kPairs.begin(), kPairs.end(), pair) != kPairs.end())
      refuse("a case-insensitive \"" + pair + "\"", at_);
  }

  /// `inside` a class the text joins its members, outside it becomes a class of its own.
  void put_class(std::string_view members, bool negated, bool inside) {
    if (inside) {
      out_ += members;
    } else {
      out_ += negated ? "[^" : "[";
      out_ += members;
      out_ += ']';
    }
  }

  void escape(bool inside) {
    if (at_ + 1 >= in_.size()) refuse("a lone backslash", at_);
    const std::size_t start = at_;
    const char c = in_[at_ + 1];
    if (c == 'p' || c == 'P') return property(inside);
    at_ += 2;
    switch (c) {
      case 's':
        return put_class(kWhiteSpace, false, inside);
      case 'S':
        return put_class(kNotWhiteSpace, false, inside);
      case 'w':
        // Alone it also takes six characters of Latin-1 that it does not take in a class.
        return put_class(
            message(kWordCharacters, inside ? "" : "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"), false,
            inside);
      case 'd':
        return put_class("\\p{Nd}", false, inside);
      case 'v':
        out_ += "\\x{b}";
        return;
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'e':
      case 'a':
        break;
      case 'x':
        return hexadecimal(start, sees("{") ? '}' : '\0', 2);
      case 'u':
        return hexadecimal(start, '\0', 4);
      default:
        if (std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80)
          refuse("\"" + std::string(in_.substr(start, 2)) + "\"", start);
    }
    out_ += in_.substr(start, 2);
  }

  void hexadecimal(std::size_t start, char close, std::size_t length) {
    std::size_t begin = at_;
    if (close != '\0') {
      begin = at_ + 1;
      const std::size_t end = in_.find(close, begin);
      length = end == std::string_view::npos ? 0 : end - begin;
    }
    const std::string digits(in_.substr(std::min(begin, in_.size()), length));
    if (digits.empty() || digits.size() > 6 || digits.size() != length ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      refuse("a malformed number", start);
    const unsigned long value = std::stoul(digits, nullptr, 16);
    if (close == '\0' && length == 2 && value > 0x7F) refuse("a raw byte", start);
    out_ += "\\x{" + digits + "}";
    at_ = begin + length + (close != '\0' ? 1 : 0);
  }

  /// The class's inside that a property stands for.
  std::string members_of(const std::string& name, std::size_t start) {
    const auto named = [&](const auto& known) { return known.first == name; };
    if (const auto* script = std::ranges::find_if(kScripts, named); script != kScripts.end())
      return message("\\p{sc:", name, "}", script->second);
    const auto* category = std::ranges::find_if(kCategories, named);
    if (category == kCategories.end())
      refuse("the property \"" + shortened(name, 40) + "\"", start);
    return message("\\p{", name, "}", category->second);
  }

  void property(bool inside) {
    const std::size_t start = at_;
    bool negated = in_[at_ + 1] == 'P';
    if (!sees("\\p{") && !sees("\\P{")) refuse("a property without braces", start);
    const std::size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) refuse("a malformed property", start);
    std::string name(in_.substr(at_ + 3, end - at_ - 3));
    at_ = end + 1;
    if (name.starts_with('^')) negated = !negated, name.erase(0, 1);
    const std::string members = members_of(name, start);
    if (is_insensitive() && (name == "Lu" || name == "Ll" || name == "Lt"))
      refuse("a case-insensitive \"" + name + "\"", start);
    if (negated && inside)
      others_.push_back("[^" + members + "]");
    else
      put_class(members, negated, inside);
  }

  [[nodiscard]] bool is_insensitive() const {
    return !case_insensitive_.empty() && case_insensitive_.back();
  }

  /// PCRE2 has no class in a class: what such a class holds becomes alternatives and look-aheads,
  /// each of one character.
  void character_class() {
    const std::size_t start = at_++;
    if (++class_depth_ > kMaxClassDepth) refuse("classes in classes over 16 deep", start);
    const bool is_negated = sees("^");
    if (is_negated) ++at_;
    if (sees("]")) refuse("an empty class", start);
    const std::string outer = std::exchange(out_, {});
    const std::vector<std::string> outer_others = std::exchange(others_, {});
    std::vector<std::string> operands;  // of &&
    while (at_ < in_.size() && in_[at_] != ']') class_member(operands);
    if (at_ >= in_.size()) refuse("a class without end", start);
    ++at_;
    if (operands.empty() && others_.empty()) {
      out_ = outer + (is_negated ? "[^" : "[") + out_ + "]";
    } else {
      if (is_insensitive()) refuse("a case-insensitive class inside a class", start);
      operands.push_back(union_of_members(start));
      std::string all;
      for (std::size_t i = 0; i + 1 < operands.size(); ++i) all += "(?=" + operands[i] + ")";
      all = "(?:" + all + operands.back() + ")";
      out_ = outer + (is_negated ? "(?:(?!" + all + ")(?s:.))" : all);
    }
    others_ = outer_others;
    --class_depth_;
  }

  void class_member(std::vector<std::string>& operands) {
    if (sees("[:")) refuse("a POSIX class", at_);
    if (sees("&&")) {
      operands.push_back(union_of_members(at_));
      at_ += 2;
    } else if (in_[at_] == '[') {
      if (out_.ends_with('-') && !out_.ends_with("\\-"))
        refuse("a range that ends in a class", at_);
      std::string outside = std::exchange(out_, {});
      character_class();
      others_.push_back(std::exchange(out_, std::move(outside)));
      if (sees("-")) refuse("a range that begins with a class", at_);
    } else if (in_[at_] == '\\') {
      escape(true);
    } else {
      if (is_insensitive() && static_cast<unsigned char>(in_[at_]) >= 0x80)
        refuse("case-insensitive non-ASCII text", at_);
      copy();
    }
  }

  /// What was read of a class since it began, or since its last &&, as one group.
  std::string union_of_members(std::size_t at) {
    if (out_.empty() && others_.empty()) refuse("an empty class", at);
    std::string all = out_.empty() ? "" : "[" + out_ + "]";
    for (const std::string& other : others_) all += (all.empty() ? "" : "|") + other;
    out_.clear();
    others_.clear();
    return "(?:" + all + ")";
  }

  std::string_view in_;
  std::size_t at_ = 0;
  static constexpr int kMaxClassDepth = 16;
  int class_depth_ = 0;
  std::string out_;
  std::vector<std::string> others_;     // of the open class: members that PCRE2 has no class for
  std::vector<bool> case_insensitive_;  // of every open group
};

}  // namespace

std::string to_pcre2(std::string_view expression) { return Translator(expression).run(); }

}  // namespace lldm
