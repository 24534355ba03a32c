// SPDX-License-Identifier: MIT
#include "lldm/score/reference_cache.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "score/record_file.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kExtension = ".scores";
constexpr int kFormat = 1;
/// To be raised when the engine's readouts of the same plan and weights change their bits.
constexpr int kEngine = 1;

enum Kind : std::uint32_t { kPlan = 1, kNote = 2 };

Json identity_json(const ReferenceIdentity& identity) {
  return {{"format", kFormat},
          {"engine", kEngine},
          {"model", identity.model},
          {"dtype", identity.dtype},
          {"quantisation", identity.quantisation},
          {"excluded_logit", identity.excluded_logit},
          {"tokenizer", identity.tokenizer},
          {"device", identity.device}};
}

std::string check_of(const Json& header) { return sha256_hex(header.dump()).substr(0, 16); }

std::string header_line(const ReferenceSource& source) {
  Json header = {{"what", "reference scores of lldm"}};
  header["identity"] = identity_json(source.identity);
  header["origin"] = source.origin;
  header["made_by"] = source.made_by;
  header["check"] = check_of(header);
  return header.dump();
}

/// The header behind a first line.  DataError if it is not one, or not as it was written.
Json parsed_header(const fs::path& file, const std::string& line) {
  try {
    Json header = Json::parse(line);
    const std::string check = header.at("check").get<std::string>();
    header.erase("check");
    if (check == check_of(header) && header.at("identity").is_object() &&
        header.at("origin").is_string() && header.at("made_by").is_string())
      return header;
  } catch (const nlohmann::json::exception&) {
  }
  throw DataError(message(file.string(),
                          ": its first line is damaged, or it holds no reference scores\n  remove "
                          "it (its scores are computed again), or give another reference.cache"));
}

std::string differences(const Json& there, const Json& here) {
  std::string text;
  for (const auto& [key, value] : here.items()) {
    const std::string mine = value.dump(), other = there.value(key, Json("missing")).dump();
    if (mine != other) text += message("\n  ", key, ": the cache has ", other, ", here ", mine);
  }
  return text;
}

constexpr const char* kAdvice =
    "\n  nothing was changed; give another reference.cache, or remove that one if it is stale";

fs::path file_for(const fs::path& folder, const ReferenceSource& source) {
  const std::string name = sha256_hex(identity_json(source.identity).dump()).substr(0, 16);
  return folder / (name + std::string(kExtension));
}

/// Refuses a folder whose files all belong to other references that `siblings` do not explain.
void refuse_foreign(const fs::path& folder, const ReferenceSource& source,
                    std::span<const std::string> siblings) {
  std::vector<fs::path> files;
  // Its own file may have been made since it was looked for: grids open one cache at once.
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == kExtension && entry.path() != file_for(folder, source))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string line = first_line_of(file);
    if (line.empty()) continue;  // another process makes it just now
    const Json header = parsed_header(file, line);
    const std::string origin = header["origin"];
    const bool is_sibling = origin != source.origin &&
                            std::find(siblings.begin(), siblings.end(), origin) != siblings.end();
    if (is_sibling) continue;
    throw DataError(message(file.string(), ": holds the scores of another reference (made by ",
                            header["made_by"].get<std::string>(), ")",
                            differences(header["identity"], identity_json(source.identity)),
                            kAdvice));
  }
}

/// key, epoch, row, answer, width of a number, numbers.  float32 where that loses nothing.
std::string packed(const StoredPlan& plan) {
  std::string bytes(reinterpret_cast<const char*>(plan.key.data()), plan.key.size());
  const bool is_narrow = std::all_of(plan.readouts.begin(), plan.readouts.end(), [](double v) {
    return static_cast<double>(static_cast<float>(v)) == v;
  });
  const auto put = [&](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  put(plan.epoch);
  put(plan.row);
  put(plan.answer);
  put(static_cast<std::uint64_t>(is_narrow ? sizeof(float) : sizeof(double)));
  for (const double value : plan.readouts) is_narrow ? put(static_cast<float>(value)) : put(value);
  return bytes;
}

constexpr std::size_t kPlanHead = sizeof(PlanKey) + 4 * sizeof(std::uint64_t);

template <class Number>
std::vector<double> numbers(std::string_view bytes) {
  std::vector<double> values;
  for (std::size_t at = 0; at + sizeof(Number) <= bytes.size(); at += sizeof(Number)) {
    Number value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    values.push_back(static_cast<double>(value));
  }
  return values;
}

}  // namespace

std::size_t ReferenceCache::KeyHash::operator()(const PlanKey& key) const {
  std::size_t value;
  std::memcpy(&value, key.data(), sizeof value);
  return value;
}

ReferenceCache::ReferenceCache(const fs::path& folder, const ReferenceSource& source,
                               std::span<const std::string> siblings) {
  if (fs::exists(folder) && !fs::is_directory(folder))
    throw ConfigError(message("reference.cache: ", folder.string(),
                              " is a file\n  a cache is a folder, with one file per reference"));
  make_folders(folder);
  const fs::path file = file_for(folder, source);
  if (!fs::exists(file)) refuse_foreign(folder, source, siblings);
  records_ = std::make_unique<RecordFile>(file, header_line(source));
  const Json header = parsed_header(file, records_->first_line());
  if (const std::string other = differences(header["identity"], identity_json(source.identity));
      !other.empty())
    throw DataError(
        message(file.string(), ": its first line is not what its name says", other, kAdvice));
  refresh();
}

ReferenceCache::~ReferenceCache() = default;

const fs::path& ReferenceCache::file() const { return records_->path(); }

template <class Record>
void ReferenceCache::see(const Record& record) {
  if (record.kind == kNote) last_note_ = record.payload;
  if (record.kind != kPlan || record.payload.size() < kPlanHead) return;
  PlanKey key;
  std::memcpy(key.data(), record.payload.data(), key.size());
  offsets_.try_emplace(key, record.offset);
}

void ReferenceCache::refresh() {
  records_->read_new([this](const RecordFile::Record& record) { see(record); });
}

void ReferenceCache::append(std::span<const StoredPlan> plans) {
  std::vector<std::pair<std::uint32_t, std::string>> records;
  for (const StoredPlan& plan : plans) records.emplace_back(kPlan, packed(plan));
  records_->append(records, [this](const RecordFile::Record& record) { see(record); });
}

void ReferenceCache::append_note(const std::string& text) {
  const std::pair<std::uint32_t, std::string> record(kNote, text);
  records_->append({&record, 1}, [this](const RecordFile::Record& r) { see(r); });
}

std::vector<double> ReferenceCache::readouts(const ScorePlan& plan) const {
  const auto found = offsets_.find(plan_key(plan));
  if (found == offsets_.end())
    throw DataError(message(file().string(), ": does not hold a plan of ", plan.copies(),
                            " copies and ", plan.queries.size(), " queries"));
  const std::string bytes = records_->payload(found->second);
  std::uint64_t width;
  std::memcpy(&width, bytes.data() + kPlanHead - sizeof width, sizeof width);
  const std::string_view values = std::string_view(bytes).substr(kPlanHead);
  return width == sizeof(float) ? numbers<float>(values) : numbers<double>(values);
}

std::vector<std::string> ReferenceCache::take_problems() { return records_->take_problems(); }

std::string describe_reference_cache(const fs::path& folder) {
  std::uint64_t files = 0, bytes = 0;
  if (!fs::is_directory(folder)) return "";
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == kExtension) ++files, bytes += entry.file_size();
  if (files == 0) return "";
  return message(files, files == 1 ? " reference, " : " references, ", bytes_text(bytes));
}

}  // namespace lldm
