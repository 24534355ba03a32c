// SPDX-License-Identifier: MIT
#include "synthesis/benchmark_sets.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/sha256.hpp"
#include "storage/input_file.hpp"
#include "synthesis/benchmark_hashes.hpp"
#include "synthesis/prompt_key.hpp"
#include "text/json.hpp"

namespace lldm::synthesis {
namespace {

constexpr const char* kDigest = "sha256/12 of the key with signs";
constexpr const char* kRemedy = "lldm data benchmark FILE... --out SETS makes one of rows";

bool is_digest(const std::string& text) {
  return text.size() == kBenchmarkDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string benchmark_digest(std::string_view prompt) {
  const std::string key = benchmark_key(prompt);
  if (key_length(key) < kShortestPrompt) return "";
  return sha256_hex(key).substr(0, kBenchmarkDigits);
}

BenchmarkSets::BenchmarkSets(const std::filesystem::path& file) {
  const std::string text = read_input(file);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string where = message(file.string(), ':', ++number);
    const auto line = parse_json(std::string_view(text).substr(begin, end - begin), where);
    begin = end + 1;
    try {
      if (line.at("digest").get<std::string>() != kDigest)
        throw DataError(message(where, ": its prompts are kept in another way than \"", kDigest,
                                "\"\n  ", kRemedy));
      auto& set = sets_[line.at("benchmark").get<std::string>()];
      for (const auto& prompt : line.at("prompts"))
        if (const auto digest = prompt.get<std::string>(); is_digest(digest))
          set.insert(digest);
        else
          throw DataError(
              message(where, ": holds what is no digest of 12 hexadecimal digits\n  ", kRemedy));
    } catch (const nlohmann::json::exception&) {
      throw DataError(message(where, ": is no set of benchmark prompts\n  ", kRemedy));
    }
  }
  if (sets_.empty()) throw DataError(message(file.string(), ": holds no set\n  ", kRemedy));
}

bool BenchmarkSets::add(const std::string& name, std::string_view prompt) {
  const std::string digest = benchmark_digest(prompt);
  if (digest.empty()) return false;
  sets_[name].insert(digest);
  return true;
}

std::string BenchmarkSets::holder_of(const std::string& digest) const {
  for (const auto& [name, digests] : sets_)
    if (digests.contains(digest)) return name;
  return "";
}

std::string BenchmarkSets::lines() const {
  std::string lines;
  for (const auto& [name, digests] : sets_)
    lines += nlohmann::ordered_json{{"benchmark", name}, {"digest", kDigest}, {"prompts", digests}}
                 .dump() +
             "\n";
  return lines;
}

}  // namespace lldm::synthesis
