// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace lldm {

/// The expression of a tokenizer.json (Oniguruma, Ruby syntax) as a PCRE2 expression of equal
/// meaning.
///
/// Taken: literals, `.`, classes (with classes in them and &&), \s \S \w \d, \p{...} of categories
/// and scripts, groups (capturing, ?: ?i: ?= ?! ?<= ?<!
/// ?>), alternation, the quantifiers ? * + {n} {n,} {n,m}, lazy and (but for braces) possessive.
/// Rewritten: white space, letters, numbers and word characters become the reference's classes
/// (Unicode 16); PCRE2's own differ (U+180E, marks in \w).  Refused, because the two engines read
/// them differently or the reference has them not: anchors, \b, \h, back-references, POSIX
/// classes, other escapes, case-insensitive pairs that fold into one character.
///
/// Errors  std::string-carrying DataError without a place; the caller adds the JSON path.
[[nodiscard]] std::string to_pcre2(std::string_view expression);

}  // namespace lldm
