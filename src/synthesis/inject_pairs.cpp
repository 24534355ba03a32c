// SPDX-License-Identifier: MIT
#include "synthesis/inject_pairs.hpp"

#include <algorithm>
#include <cctype>

#include "lldm/data/text.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "synthesis/benchmarks.hpp"
#include "synthesis/provenance.hpp"
#include "synthesis/wrong_chain.hpp"

namespace lldm::synthesis {
namespace {

using Json = nlohmann::ordered_json;

/// The stage's part of the key of every draw: the same for the command and for a stage.
constexpr std::string_view kDraws = "synthesis";

/// An off result is untrue itself; the other kinds make no untrue equation.
std::size_t most_untrue(ErrorKind kind) {
  return kind == ErrorKind::off_by_one || kind == ErrorKind::carry_over ? 1 : 0;
}

/// Where the word (or number) begins in which two texts differ first.
std::size_t first_difference(std::string_view a, std::string_view b) {
  auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                     a.begin());
  while (at > 0 && (std::isalnum(static_cast<unsigned char>(a[at - 1])) || a[at - 1] == '.' ||
                    a[at - 1] == ','))
    --at;
  return at;
}

}  // namespace

/// A row and what is read of it once.
struct Injector::Row {
  const Example& example;
  const std::string& right;  // the chain
  std::string annotated;
  Chain chain;
  std::uint64_t key;
  std::string benchmark;
};

struct Injector::Made {
  ErrorKind kind;
  std::int64_t number;
  WrongChain wrong;  // its text as it is written
  bool is_correct;   // by the check
};

Injector::Injector(InjectionRule rule, PairSource source, Check check)
    : rule_(std::move(rule)), source_(std::move(source)), check_(std::move(check)) {
  std::sort(rule_.kinds.begin(), rule_.kinds.end());
  rule_.kinds.erase(std::unique(rule_.kinds.begin(), rule_.kinds.end()), rule_.kinds.end());
  if (rule_.kinds.empty()) throw ConfigError("no kind of error is asked for");
  for (const ErrorKind kind : rule_.kinds) counts_.kinds[kind] = {};
}

void Injector::add_kind(const Row& row, ErrorKind kind, std::vector<Made>& made) {
  KindCounts& counts = counts_.kinds[kind];
  WrongChains all = spoil(row.chain, kind);
  if (all.empty()) {
    ++counts.does_not_apply;
    return;
  }
  bool is_any_consistent = false, is_any_wrong = false;
  std::int64_t number = 0;
  Stream draws = Draws(rule_.seed, kDraws)
                     .stream(Purpose::injection, 0, row.key, static_cast<std::uint64_t>(kind));
  for (const std::int64_t i : draws.permutation(static_cast<std::int64_t>(all.size()))) {
    if (number == rule_.per_kind) break;
    WrongChain& wrong = all[static_cast<std::size_t>(i)];
    if (!inconsistency(row.annotated, wrong.text, most_untrue(kind)).empty()) continue;
    is_any_consistent = true;
    wrong.text = without_plain(wrong.text);
    if (trim_white_space(wrong.text) == trim_white_space(row.right)) continue;
    const Verdict verdict = check_(row.example, wrong.text);
    if (!verdict.failure.empty() || (verdict.is_correct && changes_answer(kind))) continue;
    is_any_wrong = true;
    const auto is_same = [&](const Made& other) { return other.wrong.text == wrong.text; };
    if (std::any_of(made.begin(), made.end(), is_same)) continue;
    made.push_back({kind, number++, std::move(wrong), verdict.is_correct});
  }
  if (number > 0) return;
  if (!is_any_consistent)
    ++counts.inconsistent;
  else if (!is_any_wrong)
    ++counts.still_right;
  else
    ++counts.repeated;
}

std::string Injector::line_of(const Row& row, const Made& made) const {
  const std::string_view kind = to_string(made.kind);
  const WrongChain& wrong = made.wrong;
  Json provenance = provenance_of("inject", source_, row.example, rule_.seed, row.benchmark);
  provenance["kind"] = kind;
  provenance["step"] = wrong.step + 1;
  provenance["begin"] = first_difference(row.right, wrong.text);
  provenance["before"] = wrong.before;
  provenance["after"] = wrong.after;
  if (!wrong.what.empty()) provenance["what"] = wrong.what;
  provenance["answer_is_right"] = made.is_correct;
  const Json pair = {{"id", message(row.example.id, '-', kind, '-', made.number)},
                     {"prompt", row.example.prompt},
                     {"chosen", row.right},
                     {"rejected", wrong.text},
                     {"error", kind},
                     {"provenance", std::move(provenance)}};
  return pair.dump();
}

std::vector<std::string> Injector::pairs_of(const Example& example) {
  ++counts_.rows;
  const std::string& right = example.solution.empty() ? example.answer : example.solution;
  if (trim_white_space(right).empty()) {
    ++counts_.without_chain;
    return {};
  }
  if (!check_(example, right).is_correct) {
    ++counts_.wrong_references;
    return {};
  }
  Row row{example, right, annotate(right), {}, 0, benchmark_of(example.prompt)};
  row.chain = read_chain(example.prompt, row.annotated);
  row.key = ContentHash().add(example.prompt).add(right).value();
  if (row.benchmark.empty()) row.benchmark = source_.benchmark;
  if (!row.benchmark.empty()) ++counts_.benchmark[row.benchmark];
  std::vector<Made> made;
  const bool is_new = known_.insert(row.key).second;
  for (const ErrorKind kind : rule_.kinds)
    if (is_new)
      add_kind(row, kind, made);
    else
      ++counts_.kinds[kind].repeated;
  const auto most = static_cast<std::size_t>(rule_.pairs_per_prompt);
  if (most > 0 && made.size() > most) {
    const auto size = static_cast<std::int64_t>(made.size());
    Stream draws = Draws(rule_.seed, kDraws).stream(Purpose::selection, 0, row.key);
    std::vector<Made> kept;
    for (const std::int64_t i : draws.subset(size, rule_.pairs_per_prompt))
      kept.push_back(std::move(made[static_cast<std::size_t>(i)]));
    counts_.above_cap += size - rule_.pairs_per_prompt;
    made = std::move(kept);
  }
  std::vector<std::string> lines;
  for (const Made& one : made) {
    ++counts_.kinds[one.kind].pairs;
    ++counts_.pairs;
    lines.push_back(line_of(row, one));
  }
  return lines;
}

nlohmann::ordered_json InjectionCounts::json() const {
  Json out = {{"rows", rows}, {"pairs", pairs}};
  if (without_chain > 0) out["without_chain"] = without_chain;
  if (wrong_references > 0) out["wrong_references"] = wrong_references;
  if (above_cap > 0) out["above_cap"] = above_cap;
  for (const auto& [kind, count] : kinds)
    out["kinds"][std::string(to_string(kind))] = {{"pairs", count.pairs},
                                                  {"does_not_apply", count.does_not_apply},
                                                  {"still_right", count.still_right},
                                                  {"inconsistent", count.inconsistent},
                                                  {"repeated", count.repeated}};
  if (!benchmark.empty()) out["benchmark"] = benchmark;
  return out;
}

std::string InjectionCounts::table() const {
  std::string out;
  for (const auto& [kind, count] : kinds) {
    std::string line = message("  ", to_string(kind));
    line.resize(std::max<std::size_t>(26, line.size() + 1), ' ');
    line += message(count.pairs, " pairs; rows without one: ", count.does_not_apply,
                    " no place for it, ", count.inconsistent, " not to be worked out, ",
                    count.still_right, " still right, ", count.repeated, " made before");
    out += line + "\n";
  }
  if (without_chain > 0)
    out += message("  ", without_chain, " rows have no worked answer and were left out\n");
  if (wrong_references > 0)
    out += message("  ", wrong_references,
                   " rows were left out: the checker calls their own answer wrong\n");
  if (above_cap > 0) out += message("  ", above_cap, " pairs left out by the cap on a prompt\n");
  for (const auto& [set, count] : benchmark)
    out += message("  ", count, " rows are of ", set, ", which nothing is to be trained on\n");
  return out;
}

}  // namespace lldm::synthesis
